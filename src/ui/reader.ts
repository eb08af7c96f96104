/**
 * Reads the store and the cluster again and again, and derives the model from them.
 *
 * @module
 */
import type { PodsSource } from "../controllers/pods_source.ts";
import { inspectRecords, readRecords } from "../ipam/inspect.ts";
import type { Ipam } from "../ipam/ipam.ts";
import type { Finding } from "../pool/finding.ts";
import { RefusedError } from "../storage/driver.ts";
import { messageOf } from "../values/errors.ts";
import type { World } from "../world/world.ts";
import { type Model, modelOf } from "./model.ts";

/** Milliseconds after which the networks are read again: they change less often than the addresses. */
const NETWORKS_AGE = 60_000;

/** What is read, and how it was selected. */
interface Sources {
  /** The store. */
  readonly ipam: Ipam;
  /** The store, for people. */
  readonly where: string;
  /** Where pools are, if it had none when it was opened; else empty. */
  readonly empty: string;
  /** Opens the pods and networks. */
  readonly openSource: () => Promise<PodsSource | undefined>;
  /** Reports changes of the pools. Absent: they are not watched. */
  readonly watch?: (source: PodsSource, signal: AbortSignal) => void;
  /** The command for a finding; empty if there is no such command. */
  readonly commandFor: (finding: Finding) => string;
}

/** Reads models. Not for concurrent use. */
export class Reader implements AsyncDisposable {
  readonly #world: Pick<World, "now" | "monotonic">;
  readonly #sources: Sources;
  #source: PodsSource | undefined;
  #opened: number | undefined;
  #refused = "";
  #watch = new AbortController();

  /** Reads nothing yet. */
  constructor(world: Pick<World, "now" | "monotonic">, sources: Sources) {
    this.#world = world;
    this.#sources = sources;
  }

  /**
   * Reads everything. Pods and networks that may not be read are unknown, which the model reports.
   *
   * @throws the error of the store, or of a cluster that does not answer
   */
  async read(signal: AbortSignal): Promise<Model> {
    const { where, empty, commandFor } = this.#sources;
    await this.#openSource();
    const read = await this.#records(this.#source, signal);
    const notices = [
      ...(empty !== "" && read.records.pools.length === 0 ? [empty] : []),
      ...(this.#refused === "" ? [] : [`Pods, nodes and networks are unknown: ${this.#refused}`]),
    ];
    return modelOf({ where, at: this.#world.now(), notices, commandFor, source: this.#source, ...read });
  }

  async #records(source: PodsSource | undefined, signal: AbortSignal) {
    const { ipam } = this.#sources;
    try {
      const records = await readRecords(ipam, source, signal);
      return { records, inspected: await inspectRecords(ipam, source, records, signal) };
    } catch (error) {
      if (!(error instanceof RefusedError) || !source) throw error;
      const records = await readRecords(ipam, undefined, signal); // throws again if it was the store that refused
      this.#refused = messageOf(error);
      return { records, inspected: await inspectRecords(ipam, undefined, records, signal) };
    }
  }

  async #openSource(): Promise<void> {
    const now = this.#world.monotonic();
    if (this.#opened !== undefined && now - this.#opened < NETWORKS_AGE) return;
    await this[Symbol.asyncDispose]();
    this.#refused = "";
    try {
      this.#source = await this.#sources.openSource();
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.#refused = messageOf(error);
    }
    this.#opened = now;
    this.#watch = new AbortController();
    if (this.#source) this.#sources.watch?.(this.#source, this.#watch.signal);
  }

  /** Closes the cluster. */
  async [Symbol.asyncDispose](): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    this.#opened = undefined;
    this.#watch.abort();
    await source?.[Symbol.asyncDispose]();
  }
}
