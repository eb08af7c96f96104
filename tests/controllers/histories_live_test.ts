/**
 * Random histories of a cluster on a real API server: pods, nodes and definitions are created, deleted and recreated, plugins run or die, and
 * the controller is killed. After every step each running pod has its addresses; at the end the store is consistent.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { NoSliceError, PoolExhaustedError } from "../../src/ipam/errors.ts";
import { findInconsistencies } from "../../src/pool/findings.ts";
import { eventually } from "../support/process.ts";
import { NEVER } from "./lab.ts";
import { Lab, type LiveController } from "./live.ts";

/** Networks: overlapping ranges, both families, one with network_name, one with slices. */
const NETWORKS: readonly (readonly [string, Record<string, unknown>])[] = [
  ["plain", { range: "10.100.0.0/28" }],
  ["narrow", { range: "10.100.0.0/29", ipRanges: [{ range: "fd00:100::/125" }] }],
  ["named", { range: "10.100.0.0/29", network_name: "blue" }],
  ["sliced", { range: "10.101.0.0/28", node_slice_size: "/30" }],
];
const NODES = 3;
const PODS = 5;

interface Live {
  readonly network: number;
  readonly node: string;
  readonly containerId: string;
  readonly ips: readonly string[];
}

/** The steps of a history, with random numbers that choose their objects. */
const STEP = fc.record({
  what: fc.constantFrom("start", "start", "start", "return", "delete", "finish", "node", "definition", "kill"),
  pod: fc.nat(PODS - 1),
  network: fc.nat(NETWORKS.length - 1),
  node: fc.nat(NODES - 1),
  clean: fc.boolean(),
});
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

class History implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #live = new Map<string, Live>();
  readonly #nodes = new Set<string>();
  readonly #broken = new Set<number>();
  #running: LiveController;
  #sandboxes = 0;

  private constructor(lab: Lab, running: LiveController) {
    this.#lab = lab;
    this.#running = running;
  }

  static async begin(): Promise<History> {
    const lab = await Lab.make();
    const history = new History(lab, await lab.start({ speed: 20, defaultSchedule: "10s" }));
    for (let i = 0; i < NETWORKS.length; i++) await history.#define(i, true);
    return history;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
    await this.#lab[Symbol.asyncDispose]();
  }

  async step({ what, pod, network, node, clean }: Step): Promise<void> {
    const name = `p${pod}`;
    switch (what) {
      case "start":
        if (!this.#live.has(name)) await this.#start(name, network, this.#node(node));
        break;
      case "return":
        await this.#return(name, network, this.#node(node), clean);
        break;
      case "delete":
        await this.#end(name, clean, () => this.#lab.objects.deletePod(name));
        break;
      case "finish":
        await this.#end(name, clean, () => this.#lab.objects.phase(name, "Succeeded"));
        break;
      case "node":
        await this.#toggle(this.#node(node));
        break;
      case "definition":
        await this.#define(network, this.#broken.has(network));
        break;
      case "kill":
        await this.#running[Symbol.asyncDispose]();
        this.#running = await this.#lab.start({ speed: 20, defaultSchedule: "10s" });
    }
    await this.#check();
  }

  /** Ends all faults and lets time pass. */
  async end(): Promise<void> {
    for (const network of this.#broken) await this.#define(network, true);
    let seen: unknown;
    await eventually(
      "everything fits together",
      async () => (seen = await this.#findings(), JSON.stringify(seen) === "[]"),
    )
      .catch(() => assert.deepEqual(seen, []));
    await this.#check();
  }

  #node(index: number): string {
    return `${this.#lab.kube.namespace}-n${index}`;
  }

  async #start(name: string, network: number, node: string): Promise<void> {
    const { objects } = this.#lab;
    const [label, ipam] = NETWORKS[network] ?? NETWORKS[0] ?? ["", {}];
    const containerId = `c${++this.#sandboxes}`;
    if (await objects.get(`pods/${name}`)) await objects.deletePod(name); // a finished one
    await objects.pod(name, { phase: "Pending" });
    try {
      const ips = await this.#lab.add(label, ipam, name, { containerId, node: label === "sliced" ? node : undefined });
      this.#live.set(name, { network, node, containerId, ips });
      await objects.addresses(name, ips);
      await objects.phase(name, "Running");
    } catch (error) {
      if (!(error instanceof NoSliceError || error instanceof PoolExhaustedError)) throw error;
      await objects.deletePod(name);
    }
  }

  /** The pod gets its next sandbox before the former one is deleted, if it is deleted at all. */
  async #return(name: string, network: number, node: string, clean: boolean): Promise<void> {
    const former = this.#live.get(name);
    if (!former) return;
    this.#live.delete(name);
    await this.#lab.objects.deletePod(name);
    await this.#start(name, network, node);
    if (clean) await this.#del(name, former);
  }

  async #end(name: string, clean: boolean, work: () => Promise<void>): Promise<void> {
    const former = this.#live.get(name);
    if (!former) return;
    this.#live.delete(name);
    await work();
    if (clean) await this.#del(name, former);
  }

  async #del(name: string, { network, node, containerId }: Live): Promise<void> {
    const [label, ipam] = NETWORKS[network] ?? ["", {}];
    await this.#lab.del(label, ipam, name, { containerId, node: label === "sliced" ? node : undefined }).catch(
      (error) => {
        if (!(error instanceof NoSliceError)) throw error; // the slice was released with the node: the controller frees the address
      },
    );
  }

  async #toggle(node: string): Promise<void> {
    const { objects } = this.#lab;
    if (!this.#nodes.delete(node)) {
      this.#nodes.add(node);
      return await objects.node(node);
    }
    await objects.deleteNode(node);
    for (const [name, live] of [...this.#live]) { // Kubernetes deletes the pods of a deleted node
      if (live.node === node) await this.#end(name, false, () => objects.deletePod(name));
    }
  }

  async #define(network: number, whole: boolean): Promise<void> {
    const [name, ipam] = NETWORKS[network] ?? ["", {}];
    const config = JSON.stringify({ name, type: "macvlan", ipam: { type: "whereabouts", ...ipam } });
    await this.#lab.objects.attachment(name, whole ? config : config.slice(1));
    if (whole) this.#broken.delete(network);
    else this.#broken.add(network);
  }

  async #check(): Promise<void> {
    const [held, reserved] = [new Set(await this.#lab.entries()), new Set(await this.#lab.reserved())];
    for (const [pod, { ips }] of this.#live) {
      for (const ip of ips) {
        assert(held.has(`${ip} ${pod}`), `${pod} lives with ${ip}, and no pool has it as its own`);
        assert(reserved.has(`${ip} ${pod}`), `${pod} lives with ${ip}, and it is not reserved`);
      }
    }
  }

  async #findings(): Promise<string[]> {
    const { driver } = this.#lab.ipam;
    const { pods, slices, nodes } = this.#running.cluster;
    const reservations = await driver.reservations?.list(undefined, NEVER) ?? [];
    const pools = await driver.list(NEVER);
    const ours = (await pods.list(NEVER)).items.filter(({ podRef }) =>
      podRef.startsWith(`${this.#lab.kube.namespace}/`)
    );
    const facts = { stored: (await slices.list(NEVER)).items, nodes: (await nodes.list(NEVER)).items };
    return findInconsistencies({
      pools,
      reservations,
      pods: ours,
      reserves: () => true,
      configured: { rangesOf: () => 1 },
      slices: facts,
    })
      .map(({ kind, message }) => `${kind}: ${message}`);
  }
}

Deno.test("Controller ends every history without findings, and no running pod loses its address", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 20, maxLength: 40 }), async (steps) => {
      await using history = await History.begin();
      for (const step of steps) await history.step(step);
      await history.end();
    }),
    { seed: 5, numRuns: 5, endOnFailure: true },
  );
});
