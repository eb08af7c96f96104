/**
 * The controller as a whole on a real API server: pods, nodes and definitions are objects, and the core of the plugin allocates addresses.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { loadDriver } from "../../drivers/mod.ts";
import { formatIp } from "../../src/address/ip.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { IpamConfig } from "../../src/config/types.ts";
import type { Cluster } from "../../src/controllers/cluster.ts";
import { Controller } from "../../src/controllers/controller.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { type OpenIpam, openIpam } from "../../src/ipam/ipam.ts";
import { release } from "../../src/ipam/release.ts";
import { MIN_GRACE } from "../../src/ipam/graces.ts";
import { sliceRanges } from "../../src/ipam/node_slice.ts";
import type { Keeper } from "../../src/pool/types.ts";
import { ATTEMPT_TIMEOUT } from "../../src/storage/retry.ts";
import { type Logger, makeLogger, SILENT } from "../../src/world/log.ts";
import { denoWorld } from "../../src/world/deno.ts";
import type { World } from "../../src/world/world.ts";
import { type Kube, makeKube, namespaceOf } from "../support/kube.ts";
import { Objects } from "../support/objects.ts";
import { eventually, freePort } from "../support/process.ts";
import { writeKubeconfig } from "../drivers/kubernetes/live.ts";
import { NEVER } from "./lab.ts";

/** A World whose clock runs faster, can be set, and whose environment is empty. */
export interface FastWorld extends World {
  /** Moves the clock of `now` forward or back. */
  step(milliseconds: number): void;
  /** Lines of standard error. */
  readonly lines: readonly string[];
}

/** Makes a World whose time runs `speed` times as fast. Timeouts of single requests stay real, since a busy machine is no outage. */
export function fastWorld(speed: number): FastWorld {
  const real = denoWorld();
  const start = Date.now();
  const lines: string[] = [];
  let shift = 0;
  return {
    ...real,
    lines,
    env: () => undefined,
    stderr: (line) => void lines.push(line),
    now: () => start + shift + (Date.now() - start) * speed,
    monotonic: () => real.monotonic() * speed,
    sleep: (milliseconds, signal) =>
      real.sleep(milliseconds === ATTEMPT_TIMEOUT ? milliseconds : milliseconds / speed, signal),
    step: (milliseconds) => void (shift += milliseconds),
  };
}

/** How a controller is started. */
export interface LiveOptions {
  /** How many times as fast its clock runs. Default 1. */
  readonly speed?: number;
  /** A kubeconfig that leads through something. */
  readonly kubeconfig?: string;
  /** The configured schedule. Default: none. */
  readonly schedule?: () => string | undefined;
  /** The schedule if none is configured. Default: so rare that a test sees only the first sweep. */
  readonly defaultSchedule?: string;
}

/** A controller and what it works with. */
export interface OpenController {
  /** The controller. */
  readonly controller: Controller;
  /** Its machine. */
  readonly world: FastWorld;
  /** Its log. */
  readonly log: Logger;
  /** Its cluster. */
  readonly cluster: Cluster;
  /** Closes its store and its cluster. */
  readonly close: () => Promise<void>;
}

/** A controller that leads. */
export type LiveController = Omit<OpenController, "close"> & AsyncDisposable;

/** A namespace with everything that controllers read. */
export class Lab implements AsyncDisposable {
  /** The control plane. */
  readonly kube: Kube & AsyncDisposable;
  /** Pods, nodes and definitions. */
  readonly objects: Objects;
  /** The store as the plugin opens it. */
  readonly ipam: OpenIpam;

  private constructor(kube: Kube & AsyncDisposable, objects: Objects, ipam: OpenIpam) {
    this.kube = kube;
    this.objects = objects;
    this.ipam = ipam;
  }

  /** Makes one. */
  static async make(): Promise<Lab> {
    return await Lab.on(await makeKube());
  }

  /** One in a namespace that exists, and is disposed with it. */
  static async on(kube: Kube & AsyncDisposable): Promise<Lab> {
    const objects = new Objects(kube);
    await objects.installAttachments();
    const datastore = { kind: "kubernetes", kubeconfig: kube.kubeconfig } as const;
    return new Lab(
      kube,
      objects,
      await openIpam(datastore, loadDriver, { ...denoWorld(), env: () => undefined }, SILENT),
    );
  }

  /** Objects of another namespace. */
  async elsewhere(): Promise<Objects & AsyncDisposable> {
    const objects = new Objects(await namespaceOf(this.kube));
    return Object.assign(objects, {
      [Symbol.asyncDispose]: async () => {
        await objects.clean();
        objects[Symbol.dispose]();
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.objects.clean();
    await this.ipam[Symbol.asyncDispose]();
    this.objects[Symbol.dispose]();
    await this.kube[Symbol.asyncDispose]();
  }

  /** Opens a controller that does not lead yet. */
  async open(
    { speed = 1, kubeconfig = this.kube.kubeconfig, schedule, defaultSchedule = "24h" }: LiveOptions = {},
  ): Promise<OpenController> {
    const world = fastWorld(speed);
    const log = makeLogger(world, { level: "debug" });
    const ipam = await openIpam({ kind: "kubernetes", kubeconfig }, loadDriver, world, log);
    const cluster = await openCluster(world, { kubeconfig });
    const sweep = { grace: MIN_GRACE, defaultSchedule, schedule: () => Promise.resolve(schedule?.()) };
    const controller = new Controller({ world, log, ipam, cluster, sweep, sliceGrace: 600_000 });
    const close = async () => {
      await cluster[Symbol.asyncDispose]();
      await ipam[Symbol.asyncDispose]();
    };
    return { controller, world, log, cluster, close };
  }

  /** Starts a controller that leads, and waits until it is ready. */
  async start(options: LiveOptions = {}): Promise<LiveController> {
    const { close, ...open } = await this.open(options);
    const { controller } = open;
    const stop = new AbortController();
    const ended = controller.lead(stop.signal);
    await eventually("the controller is ready", () => Promise.resolve(controller.ready));
    return {
      ...open,
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await ended;
        await close();
      },
    };
  }

  /** Allocates as an ADD does. Returns the addresses. */
  async add(network: string, ipam: Record<string, unknown>, pod: string, more: AddOptions = {}): Promise<string[]> {
    const { containerId = `c-${pod}`, ifName = "net1" } = more;
    const { uid, node, keeper } = more;
    const podRef = more.podRef ?? this.objects.ref(pod);
    const owner = {
      podRef,
      ifName,
      containerId,
      ...(uid !== undefined && { uid }),
      ...(node !== undefined && { node }),
      ...(keeper && { keeper }),
    };
    const config = await this.#config(network, ipam, more);
    return (await allocate(this.ipam, config, owner, NEVER)).map(({ ip }) => formatIp(ip));
  }

  /** Releases as a DEL does. */
  async del(network: string, ipam: Record<string, unknown>, pod: string, more: AddOptions = {}): Promise<void> {
    const { containerId = `c-${pod}`, ifName = "net1" } = more;
    await release(this.ipam, await this.#config(network, ipam, more), { containerId, ifName }, NEVER);
  }

  async #config(network: string, ipam: Record<string, unknown>, { node }: AddOptions): Promise<IpamConfig> {
    const conf = { name: network, ipam: { type: "whereabouts", datastore: "kubernetes", ...ipam } };
    const { config } = await loadConfig({ ...denoWorld(), env: () => undefined }, { conf, author: "operator" });
    return node === undefined ? config : await sliceRanges(this.ipam, config, () => Promise.resolve(node), NEVER);
  }

  /** A kubeconfig of a server that does not answer. */
  async unreachable(): Promise<string> {
    return await writeKubeconfig(this.kube, { token: this.kube.token }, { server: `https://127.0.0.1:${freePort()}` });
  }

  /** `address pod` of every entry, sorted. */
  async entries(): Promise<string[]> {
    const pools = await this.ipam.driver.list(NEVER);
    return pools.flatMap(({ key, allocations }) =>
      [...allocations.values()].map(({ address, podRef }) =>
        `${formatIp({ family: key.cidr.family, value: address })} ${podRef.split("/")[1]}`
      )
    ).sort();
  }

  /** `address pod` of every reservation, sorted. */
  async reserved(): Promise<string[]> {
    const { reservations } = this.ipam.driver;
    assert(reservations);
    return (await reservations.list(undefined, NEVER)).map(({ ip, podRef }) =>
      `${formatIp(ip)} ${podRef.split("/")[1]}`
    )
      .sort();
  }

  /** Waits until entries and reservations are these. */
  async settles(entries: readonly string[], limit?: number, reservations = entries): Promise<void> {
    let seen: unknown;
    await eventually("entries and reservations", async () => {
      seen = [await this.entries(), await this.reserved()];
      return JSON.stringify(seen) === JSON.stringify([entries, reservations]);
    }, limit).catch(() => assert.deepEqual(seen, [entries, reservations]));
  }
}

/** Options of an ADD. */
export interface AddOptions {
  /** Default: derived from the pod's name. */
  readonly containerId?: string;
  /** Default: the pod of that name in the lab's namespace. */
  readonly podRef?: string;
  /** Default `net1`. */
  readonly ifName?: string;
  /** `K8S_POD_UID`. Default: none, as with runtimes that do not pass it. */
  readonly uid?: string;
  /** The node, where slices are used. */
  readonly node?: string | undefined;
  /** The object that keeps the address. Default: none. */
  readonly keeper?: Keeper;
}
