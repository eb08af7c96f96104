/**
 * Tells operators what was done: log lines, counters, and events beside the objects. An event that cannot be recorded stops nothing.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Swept } from "../ipam/sweep.ts";
import type { Orphan } from "../pool/orphans.ts";
import { duplicateFinding } from "../pool/duplicates.ts";
import type { Finding } from "../pool/finding.ts";
import { formatPoolKey } from "../pool/types.ts";
import { startDeadline } from "../async/deadline.ts";
import { messageOf } from "../values/errors.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { Cluster, ClusterEvent } from "./cluster.ts";
import { findingEvents } from "./finding_events.ts";
import type { ControllerMetrics } from "./metrics.ts";
import type { PoolUse } from "./pool_use.ts";
import type { SliceProblem } from "./slices.ts";

/** Milliseconds until the same thing is told of the same object again. */
const AGAIN = 30 * 60_000;
/** Events under way, at most: beyond, they are dropped, and the log has them. */
const MOST_UNDER_WAY = 50;
/** Milliseconds an event may take. */
const EVENT_TIMEOUT = 10_000;

/** Reports. */
export class Reporter {
  readonly #cluster: Cluster;
  readonly #world: World;
  readonly #log: Logger;
  readonly #metrics: ControllerMetrics;
  readonly #told = new Map<string, number>();
  readonly #underWay = new Set<Promise<void>>();
  #term: AbortSignal | undefined;

  /** Says nothing yet. */
  constructor(cluster: Cluster, world: World, log: Logger, metrics: ControllerMetrics) {
    this.#cluster = cluster;
    this.#world = world;
    this.#log = log;
    this.#metrics = metrics;
  }

  /** Begins a term: what is told in it ends with the signal. */
  begin(signal: AbortSignal): void {
    this.#term = signal;
  }

  /** Resolves when no event is under way any more. */
  async rest(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Entries went back. Pools are told first: of many pods that went at once some are not told. */
  freed(orphans: readonly Orphan[]): void {
    for (const [pool, ofPool] of Map.groupBy(orphans, ({ key }) => formatPoolKey(key))) {
      const [first] = ofPool;
      if (!first) continue;
      const message =
        `Freed ${ofPool.length} leaked addresses of ${pool}, among them that of ${first.allocation.podRef}`;
      this.#tell({
        regarding: { kind: "IPPool", pool },
        type: "Normal",
        reason: "IPAddressGarbageCollected",
        message,
      });
    }
    for (const { key, allocation, reason } of orphans) {
      this.#metrics.freed.add({ what: "entry", reason });
      const [namespace = "", name = ""] = allocation.podRef.split("/");
      const address = formatIp({ family: key.cidr.family, value: allocation.address });
      const message = `Freed ${address} of pool ${formatPoolKey(key)}: the ${reason}`;
      this.#tell({
        regarding: { kind: "Pod", namespace, name, ...(allocation.uid !== undefined && { uid: allocation.uid }) },
        type: "Normal",
        reason: "IPAddressGarbageCollected",
        message,
      });
    }
  }

  /** Pods went, and what they held is still held. */
  notFreed(podRefs: readonly string[], error: unknown): void {
    this.#metrics.failures.add({ part: "pods" }, podRefs.length);
    this.#log.error("Addresses of pods that went are left to the next sweep", {
      pods: podRefs,
      reason: messageOf(error),
    });
    for (const podRef of podRefs) {
      const [namespace = "", name = ""] = podRef.split("/");
      const message = `Cannot free the addresses of ${podRef}; the next sweep tries again: ${messageOf(error)}`;
      this.#tell({
        regarding: { kind: "Pod", namespace, name },
        type: "Warning",
        reason: "IPAddressGarbageCollectionFailed",
        message,
      });
    }
  }

  /** What a look freed and put right, and the addresses with two owners that it found. */
  changed({ orphans, reservations, reserved, restored, duplicates, failures }: Swept): void {
    this.freed(orphans);
    for (const { reservation: { ip, network, podRef }, reason } of reservations) {
      this.#metrics.freed.add({ what: "reservation", reason });
      const [namespace = "", name = ""] = podRef.split("/");
      const where = network === "" ? "" : ` of network ${network}`;
      this.#tell({
        regarding: { kind: "Pod", namespace, name },
        type: "Normal",
        reason: "IPReservationGarbageCollected",
        message: `Freed the reservation of ${formatIp(ip)}${where}: the ${reason}`,
      });
    }
    if (reserved.length > 0) this.#metrics.reserved.add({}, reserved.length);
    if (restored.length > 0) this.#metrics.restored.add({}, restored.length);
    for (const failure of failures) this.#log.error("Could not be freed", { reason: messageOf(failure) });
    this.found(duplicates.map(duplicateFinding));
  }

  /** What is wrong: a log line and an event for each object and kind. */
  found(findings: readonly Finding[]): void {
    for (const [reason, events] of Map.groupBy(findingEvents(findings), ({ reason }) => reason)) {
      for (const event of events.slice(0, MOST_UNDER_WAY)) this.#seldom(event);
      const rest = events.length - MOST_UNDER_WAY;
      if (rest > 0) {
        this.#log.warn("Further objects have the same finding, whereabouts check lists them", { reason, rest });
      }
    }
  }

  /** A sweep came to its end. */
  swept(swept: Swept, seconds: number, uses: readonly PoolUse[]): void {
    const { orphans, reservations, reserved, restored, suspected, unconfirmed, findings, failures } = swept;
    this.changed(swept);
    this.found(findings);
    this.#metrics.sweeps.add({ outcome: failures.length > 0 ? "partial" : "success" });
    this.#metrics.sweepSeconds.observe(seconds);
    this.#log.info("Swept", {
      entries: orphans.length,
      reservations: reservations.length,
      repaired: reserved.length + restored.length,
      suspected: suspected.length,
      unconfirmed: unconfirmed.length,
      findings: findings.length,
      failures: failures.length,
      seconds: seconds.toFixed(1),
    });
    for (const { key, capacity, free } of uses) {
      if (free > 0 || capacity === 0) continue;
      const pool = formatPoolKey(key);
      const message =
        `All ${capacity} addresses of ${pool} are allocated: pods of its networks do not start until some are freed`;
      this.#seldom({ regarding: { kind: "IPPool", pool }, type: "Warning", reason: "PoolExhausted", message });
    }
  }

  /** A sweep did not. */
  sweepFailed(error: unknown): void {
    this.#metrics.sweeps.add({ outcome: "failure" });
    this.#log.error("The sweep failed, nothing was freed that it did not tell", { reason: messageOf(error) });
  }

  /** What stands in the way of node slices. */
  problems(problems: readonly SliceProblem[]): void {
    for (const { attachment: { namespace, name }, reason, message } of problems) {
      const regarding = { kind: "NetworkAttachmentDefinition", namespace, name } as const;
      this.#seldom({ regarding, type: "Warning", reason, message });
    }
  }

  /** An object of node slices that the API server does not let us write or delete. */
  notKept(object: string, error: unknown): void {
    this.#metrics.failures.add({ part: "slices" });
    this.#log.error("Node slices: the API server refuses a write", { object, reason: messageOf(error) });
  }

  #seldom(event: ClusterEvent): void {
    const mark = JSON.stringify([event.regarding.kind, subjectOf(event), event.reason]);
    const now = this.#world.monotonic();
    for (const [key, at] of this.#told) if (now - at >= AGAIN) this.#told.delete(key);
    if (this.#told.has(mark)) return;
    this.#told.set(mark, now);
    this.#log.warn(event.message, { reason: event.reason, object: subjectOf(event) });
    this.#tell(event);
  }

  #tell(event: ClusterEvent): void {
    if (this.#underWay.size >= MOST_UNDER_WAY) return;
    const late = new Error(`No answer within ${EVENT_TIMEOUT / 1_000} s`);
    const record = async () => {
      using limit = startDeadline(this.#world, EVENT_TIMEOUT, late, this.#term);
      await this.#cluster.tell(event, limit.signal);
    };
    const telling = record().catch((error) => {
      this.#metrics.failures.add({ part: "events" });
      this.#log.debug("An event is not recorded", { reason: messageOf(error) });
    }).finally(() => this.#underWay.delete(telling));
    this.#underWay.add(telling);
  }
}

function subjectOf({ regarding }: ClusterEvent): string {
  switch (regarding.kind) {
    case "IPPool":
      return regarding.pool;
    case "OverlappingRangeIPReservation":
      return regarding.network === "" ? regarding.address : `${regarding.network} ${regarding.address}`;
    case "NodeSlicePool":
      return regarding.name;
    case "Stored":
      return regarding.where;
    default:
      return `${regarding.namespace}/${regarding.name}`;
  }
}
