/**
 * What the tests of the controllers share: short constructors of facts, and fake servers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import { parseCidr } from "../../src/address/cidr.ts";
import type { Cidr } from "../../src/address/cidr.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { IpamConfig } from "../../src/config/types.ts";
import type { Attachment, ClusterEvent, Feed, FeedEvent } from "../../src/controllers/cluster.ts";
import type { Network } from "../../src/controllers/networks.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { directIpam, type Ipam } from "../../src/ipam/ipam.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { SILENT } from "../../src/world/log.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

/** A signal that never aborts. */
export const NEVER: AbortSignal = new AbortController().signal;

/** Parses a CIDR. */
export function cidr(text: string): Cidr {
  const parsed = parseCidr(text)?.cidr;
  assert(parsed, text);
  return parsed;
}

/** A running pod in namespace `default`. */
export function pod(name: string, more: Partial<PodFacts> = {}): PodFacts {
  return { podRef: `default/${name}`, uid: `uid-${name}`, finished: false, running: true, ...more };
}

/** A definition with these IPAM fields. */
export function attachment(name: string, ipam: Record<string, unknown>, namespace = "default"): Attachment {
  const config = JSON.stringify({ cniVersion: "1.0.0", name, type: "macvlan", ipam: { type: "whereabouts", ...ipam } });
  return { namespace, name, uid: `uid-${name}`, config };
}

/** A network with these IPAM fields. */
export async function network(name: string, ipam: Record<string, unknown>): Promise<Network> {
  const made = attachment(name, ipam);
  const { config } = await loadConfig(memoryWorld(), { conf: JSON.parse(made.config) });
  return { attachment: made, config };
}

/** A store in memory on a clock that only the test moves, with one /24. */
export interface Store extends AsyncDisposable {
  readonly world: MemoryWorld;
  readonly ipam: Ipam;
  readonly config: IpamConfig;
  add(pod: string, containerId?: string): Promise<void>;
  /** The pods of all allocations. */
  owners(): Promise<string[]>;
}

/** Opens a store. */
export async function openStore(): Promise<Store> {
  const world = memoryWorld();
  const ipam = { type: "whereabouts", datastore: "embedded", database: ":memory:", range: "10.0.0.0/24" };
  const { config } = await loadConfig(world, { conf: { name: "net", ipam }, author: "operator" });
  const driver = await openEmbedded(config.datastore);
  const store = directIpam(driver, world, SILENT);
  return {
    world,
    config,
    ipam: store,
    add: async (name, containerId = `c-${name}`) =>
      void await allocate(
        store,
        config,
        { podRef: `default/${name}`, ifName: "net1", containerId, uid: `uid-${name}` },
        NEVER,
      ),
    owners: async () =>
      (await driver.list(NEVER)).flatMap(({ allocations }) => [...allocations.values()].map(({ podRef }) => podRef))
        .sort(),
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
}

/** The server of a feed, controlled by the test. */
export class FeedServer implements Feed<{ readonly name: string; readonly mark?: string }> {
  readonly name = "things";
  readonly lists: { items: { name: string; mark?: string }[]; version: string }[] = [];
  readonly watched: string[] = [];
  #next: ((step: FeedEvent<{ name: string }> | Error | "end") => void) | undefined;
  #queue: (FeedEvent<{ name: string; mark?: string }> | Error | "end")[] = [];
  /** The answers to the next lists; the last one is repeated. */
  answers: ({ items: { name: string; mark?: string }[]; version: string } | Error)[] = [];

  keyOf = ({ name }: { name: string }): string => name;

  /** Sends an event to the watch, breaks it, or ends it. */
  push(step: FeedEvent<{ name: string; mark?: string }> | Error | "end"): void {
    if (this.#next) this.#next(step);
    else this.#queue.push(step);
  }

  list(): Promise<{ items: { name: string; mark?: string }[]; version: string }> {
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    if (!answer || answer instanceof Error) return Promise.reject(answer ?? new Error("no list"));
    this.lists.push(answer);
    return Promise.resolve(answer);
  }

  async *watch(version: string, signal: AbortSignal): AsyncGenerator<FeedEvent<{ name: string; mark?: string }>> {
    this.watched.push(version);
    for (;;) {
      const step = this.#queue.shift() ?? await this.#wait(signal);
      if (step === "end") return;
      if (step instanceof Error) throw step;
      yield step;
    }
  }

  #wait(signal: AbortSignal): Promise<FeedEvent<{ name: string; mark?: string }> | Error | "end"> {
    const { promise, resolve, reject } = Promise.withResolvers<FeedEvent<{ name: string }> | Error | "end">();
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    this.#next = (step) => {
      this.#next = undefined;
      signal.removeEventListener("abort", stop);
      resolve(step);
    };
    return promise;
  }
}

/** One turn of the event loop. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Collects events. */
export function eventLog(): { recordEvent: (event: ClusterEvent) => Promise<void>; readonly events: ClusterEvent[] } {
  const events: ClusterEvent[] = [];
  return { events, recordEvent: (event) => Promise.resolve(void events.push(event)) };
}
