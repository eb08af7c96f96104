/**
 * The original's plugin by its own algorithm, as far as it affects the store: it reads the whole pool; its JSON Patch tests the version and that
 * added entries did not exist; its own entry gets another `id` and nothing else; reservations have only the pod's name, and are deleted by
 * address, unchecked.
 *
 * All its work after reading the pool is one step here, because our plugin cannot prevent the races within the original. Its lease excludes no
 * other plugin.
 *
 * @module
 */
import { formatCidr, parseCidr, usable } from "../../../src/address/cidr.ts";
import { formatIp } from "../../../src/address/ip.ts";
import type { Outcome } from "../runtime.ts";
import type { Process, Scheduler } from "../scheduler.ts";
import { ApiError, type ApiObject, type ApiObjects } from "./objects.ts";
import type { PodSandbox } from "./pod.ts";
import { reservationName } from "./promises.ts";

/** Namespace of the objects of both. */
const NAMESPACE = "kube-system";
/** Max attempts when the pool changes. */
const RETRIES = 100;

interface Entry {
  readonly id: string;
  readonly podref: string;
  readonly ifname?: string;
}

let calls = 0;

/** Calls the original's plugin in a new process. */
export function callOriginal(
  objects: ApiObjects,
  scheduler: Scheduler,
  sandbox: PodSandbox,
  verb: "ADD" | "DEL" | "CHECK",
): { readonly process: Process; readonly outcome: Promise<Outcome> } {
  const process: Process = {
    name: `original ${verb}#${++calls} ${sandbox.podRef} ${sandbox.containerId} on ${sandbox.node.name}`,
    alive: true,
  };
  const { promise: killed, resolve } = Promise.withResolvers<undefined>();
  process.onKill = () => resolve(undefined);
  const outcome = new OriginalPlugin(objects, scheduler, process, sandbox).run(verb);
  return { process, outcome: Promise.race([outcome, killed]) };
}

/** The original's plugin in its own process. */
class OriginalPlugin {
  readonly #objects: ApiObjects;
  readonly #scheduler: Scheduler;
  readonly #process: Process;
  readonly #sandbox: PodSandbox;

  /** One call of one sandbox. */
  constructor(objects: ApiObjects, scheduler: Scheduler, process: Process, sandbox: PodSandbox) {
    this.#objects = objects;
    this.#scheduler = scheduler;
    this.#process = process;
    this.#sandbox = sandbox;
  }

  /** Serves the verb. */
  async run(verb: "ADD" | "DEL" | "CHECK"): Promise<Outcome> {
    if (verb === "CHECK") return { stdout: "{}", exitCode: 0 };
    for (let attempt = 0; attempt < RETRIES; attempt++) {
      await this.#scheduler.gate(this.#process, "the original reads the pool");
      const pool = this.#objects.get("ippools", NAMESPACE, this.#poolName()) ?? this.#createPool();
      await this.#scheduler.gate(this.#process, `the original writes the pool for ${verb}`);
      try {
        const address = verb === "ADD" ? this.#allocate(pool) : this.#deallocate(pool);
        return { stdout: JSON.stringify({ ips: address === undefined ? [] : [{ address }] }), exitCode: 0 };
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status !== 422) return { stdout: JSON.stringify({ code: 999, msg: error.message }), exitCode: 1 };
      }
    }
    return { stdout: JSON.stringify({ code: 999, msg: "conflicts" }), exitCode: 1 };
  }

  #cidr() {
    const cidr = parseCidr(String(this.#sandbox.network.ipam.range))?.cidr;
    if (!cidr) throw new Error("the original serves networks of one range");
    return cidr;
  }

  #poolName(): string {
    const { domain } = this.#sandbox.network;
    return `${domain && `${domain}-`}${formatCidr(this.#cidr()).replace(/[:/]/g, "-")}`;
  }

  #createPool(): ApiObject {
    const metadata = { name: this.#poolName(), namespace: NAMESPACE };
    return this.#objects.create("ippools", { metadata, spec: { range: formatCidr(this.#cidr()), allocations: {} } });
  }

  #allocate(pool: ApiObject): string {
    const { podRef, containerId, network: { domain } } = this.#sandbox;
    const cidr = this.#cidr();
    const entries = pool.spec?.allocations as Record<string, Entry>;
    const version = { op: "test", path: "/metadata/resourceVersion", value: pool.metadata.resourceVersion };
    const own = Object.entries(entries).find(([, { podref, ifname }]) => podref === podRef && ifname === "net1");
    if (own) {
      const [offset] = own;
      const text = formatIp({ family: cidr.family, value: cidr.base + BigInt(offset) });
      const reserved = this.#objects.get("overlappingrangeipreservations", NAMESPACE, reservationName(domain, text));
      if (reserved && reserved.spec?.podref !== podRef) {
        throw new ApiError(507, "its own entry is reserved for another");
      }
      this.#patch(pool, [version, { op: "replace", path: `/spec/allocations/${offset}/id`, value: containerId }]);
      return this.#reserve(cidr.base + BigInt(offset));
    }
    const { first, last } = usable(cidr);
    for (let address = first; address <= last; address++) {
      const offset = String(address - cidr.base);
      const text = formatIp({ family: cidr.family, value: address });
      const reserved = this.#objects.get("overlappingrangeipreservations", NAMESPACE, reservationName(domain, text));
      if (entries[offset] || (reserved && reserved.spec?.podref !== podRef)) continue;
      const path = `/spec/allocations/${offset}`;
      const value = { id: containerId, podref: podRef, ifname: "net1" };
      this.#patch(pool, [version, { op: "test", path, value: null }, { op: "add", path, value }]);
      return this.#reserve(address);
    }
    throw new ApiError(507, "could not allocate");
  }

  #reserve(address: bigint): string {
    const { podRef, network: { domain } } = this.#sandbox;
    const cidr = this.#cidr();
    const text = formatIp({ family: cidr.family, value: address });
    const name = reservationName(domain, text);
    if (!this.#objects.get("overlappingrangeipreservations", NAMESPACE, name)) {
      const spec = { podref: podRef, ifname: "net1" };
      this.#objects.create("overlappingrangeipreservations", { metadata: { name, namespace: NAMESPACE }, spec });
      this.#sandbox.reserved = true;
    }
    return `${text}/${cidr.prefix}`;
  }

  #deallocate(pool: ApiObject): undefined {
    const { containerId, network: { domain } } = this.#sandbox;
    const cidr = this.#cidr();
    const entries = pool.spec?.allocations as Record<string, Entry>;
    const own = Object.entries(entries).find(([, { id, ifname }]) => id === containerId && ifname === "net1");
    if (!own) return;
    const [offset] = own;
    const version = { op: "test", path: "/metadata/resourceVersion", value: pool.metadata.resourceVersion };
    this.#patch(pool, [version, { op: "remove", path: `/spec/allocations/${offset}` }]);
    const name = reservationName(domain, formatIp({ family: cidr.family, value: cidr.base + BigInt(offset) }));
    if (this.#objects.get("overlappingrangeipreservations", NAMESPACE, name)) {
      this.#objects.remove("overlappingrangeipreservations", NAMESPACE, name);
    }
  }

  #patch({ metadata: { name } }: ApiObject, operations: Parameters<ApiObjects["patch"]>[3]): void {
    this.#objects.patch("ippools", NAMESPACE, name, operations);
  }
}
