/**
 * Pods that start and stop on many nodes, as kubelets and runtimes call the plugin for them.
 *
 * @module
 */
import type { Call } from "../support/binary.ts";
import type { Fleet, FleetNode } from "./fleet.ts";

/**
 * Milliseconds until a kubelet retries a pod whose sandbox it could not create: 10 s, and at random up to half of that more
 * (`backOffPeriod` and `workerBackOffPeriodJitterFactor` of `pkg/kubelet`).
 */
const KUBELET_BACKOFF = { first: 10_000, jitter: 0.5 };
/** The name of the network. */
export const NETWORK = "bench";
/** Attempts for one pod until the bench gives up: a minute of outage costs six. */
const MAX_ATTEMPTS = 60;

/** The pods of a run. */
export interface ChurnOptions {
  /** The IPAM configuration, without its type. */
  readonly ipam: Readonly<Record<string, unknown>>;
  /** Pods of all nodes together. */
  readonly pods: number;
  /** Pods of one node that start or stop at the same time. */
  readonly width: number;
  /** Pods that run on a node before the oldest is stopped. */
  readonly live: number;
  /** Called when so many pods have an address. */
  readonly onAdded?: (count: number) => void;
}

/** How the address of a pod came about. */
interface Served {
  /** When its first ADD began. */
  readonly begun: number;
  /** When an ADD succeeded. */
  readonly at: number;
}

/** What was seen. */
export interface Churned {
  /** Milliseconds of each successful ADD, ascending. */
  readonly adds: readonly number[];
  /** Milliseconds of each successful DEL, ascending. */
  readonly dels: readonly number[];
  /** Milliseconds of all of it. */
  readonly elapsed: number;
  /** Calls that failed. */
  readonly failed: number;
  /** The first failure. */
  readonly failure?: string;
  /** Pods without an address after the last attempt. */
  readonly lost: number;
  /** Addresses that were assigned to a pod while another one had them. */
  readonly duplicates: number;
  /** When each pod began to want its address, and got it. */
  readonly served: readonly Served[];
}

/** A pod with an address. */
interface Running {
  readonly call: Call;
  readonly address: string;
}

/** The state of a run. */
class Churn {
  readonly adds: number[] = [];
  readonly dels: number[] = [];
  readonly served: Served[] = [];
  failed = 0;
  failure: string | undefined;
  lost = 0;
  duplicates = 0;
  readonly #options: ChurnOptions;
  /** The container of each address in use. */
  readonly #owners = new Map<string, string>();
  #next = 0;

  constructor(options: ChurnOptions) {
    this.#options = options;
  }

  /** Starts pods on a node until none is left, and stops all. */
  async work(node: FleetNode, share: number): Promise<void> {
    const { width, live } = this.#options;
    const running: Running[] = [];
    let left = share;
    const worker = async () => {
      while (left-- > 0) {
        const started = await this.#start(node, `pod-${this.#next++}`);
        if (started) running.push(started);
        const oldest = running.length > live ? running.shift() : undefined;
        if (oldest) await this.#stop(node, oldest);
      }
      for (let last = running.shift(); last; last = running.shift()) await this.#stop(node, last);
    };
    await Promise.all(Array.from({ length: width }, worker));
  }

  /** Undefined if every attempt failed. A runtime follows a failed ADD with a DEL, and creates another sandbox for the next attempt. */
  async #start(node: FleetNode, pod: string): Promise<Running | undefined> {
    const first = performance.now();
    const { ipam } = this.#options;
    const conf = { cniVersion: "1.0.0", name: NETWORK, ipam: { type: "whereabouts", log_level: "panic", ...ipam } };
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const call: Call = { verb: "ADD", conf, pod, containerId: `${attempt}${pod}`.padStart(64, "0") };
      const begun = performance.now();
      const { code, stdout } = await node.call(call);
      if (code === 0) {
        const at = performance.now();
        this.adds.push(at - begun);
        this.served.push({ begun: first, at });
        this.#options.onAdded?.(this.adds.length);
        return { call, address: this.#own(stdout, call) };
      }
      this.#fail(stdout);
      await this.#delete(node, call);
      await backOff();
    }
    this.lost++;
    return undefined;
  }

  async #stop(node: FleetNode, { call, address }: Running): Promise<void> {
    this.#owners.delete(address); // from here on another pod may get it
    await this.#delete(node, call);
  }

  /** A runtime repeats a DEL until it succeeds. */
  async #delete(node: FleetNode, call: Call): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const begun = performance.now();
      const { code, stdout } = await node.call({ ...call, verb: "DEL" });
      if (code === 0) return void this.dels.push(performance.now() - begun);
      this.#fail(stdout);
      await backOff();
    }
  }

  #own(stdout: string, { containerId = "" }: Call): string {
    const address: string = JSON.parse(stdout).ips[0].address;
    if (this.#owners.has(address)) this.duplicates++;
    this.#owners.set(address, containerId);
    return address;
  }

  #fail(stdout: string): void {
    this.failed++;
    this.failure ??= stdout;
  }
}

/** Starts and stops pods on all nodes of a fleet, until every one has had its address and released it. */
export async function churn({ nodes }: Fleet, options: ChurnOptions): Promise<Churned> {
  const run = new Churn(options);
  const start = performance.now();
  const each = (i: number) =>
    Math.floor(options.pods * (i + 1) / nodes.length) - Math.floor(options.pods * i / nodes.length);
  await Promise.all(nodes.map((node, i) => run.work(node, each(i))));
  const elapsed = performance.now() - start;
  const { failed, failure, lost, duplicates, served } = run;
  const ascending = (times: readonly number[]) => times.toSorted((a, b) => a - b);
  const dels = ascending(run.dels);
  return {
    adds: ascending(run.adds),
    dels,
    elapsed,
    failed,
    ...(failure !== undefined && { failure }),
    lost,
    duplicates,
    served,
  };
}

function backOff(): Promise<void> {
  const milliseconds = KUBELET_BACKOFF.first * (1 + KUBELET_BACKOFF.jitter * Math.random());
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
