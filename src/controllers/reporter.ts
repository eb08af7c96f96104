/**
 * Reports what the controller did: log lines, counters, and events about the objects. An event that cannot be recorded affects nothing else.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import type { Swept } from "../ipam/sweep.ts";
import type { Orphan } from "../pool/orphans.ts";
import { duplicateFinding } from "../pool/duplicates.ts";
import type { Finding } from "../pool/finding.ts";
import type { Slice } from "../pool/slice_assignment.ts";
import { formatPoolKey } from "../pool/types.ts";
import { startDeadline } from "../async/deadline.ts";
import { messageOf } from "../values/errors.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { Cluster, ClusterEvent } from "./cluster.ts";
import { findingEvents } from "./finding_events.ts";
import type { ControllerMetrics } from "./metrics.ts";
import type { PoolUse } from "./pool_use.ts";
import type { SliceProblem } from "./slice_work.ts";

/** Milliseconds until the same warning about the same object is repeated. */
const REPEAT_INTERVAL = 30 * 60_000;
/** Max. events in flight. Further events are dropped; the log has them. */
const MAX_IN_FLIGHT = 50;
/** Milliseconds for recording one event. */
const EVENT_TIMEOUT = 10_000;

/** Writes log lines, counts, and records events. */
export class Reporter {
  readonly #cluster: Cluster;
  readonly #world: World;
  readonly #log: Logger;
  readonly #metrics: ControllerMetrics;
  /** When each warning was reported, by object and reason. */
  readonly #reported = new Map<string, number>();
  readonly #inFlight = new Set<Promise<void>>();
  #term: AbortSignal | undefined;

  /** `metrics` counts what is reported. */
  constructor(cluster: Cluster, world: World, log: Logger, metrics: ControllerMetrics) {
    this.#cluster = cluster;
    this.#world = world;
    this.#log = log;
    this.#metrics = metrics;
  }

  /** Begins a term: its events are cancelled when the signal aborts. */
  begin(signal: AbortSignal): void {
    this.#term = signal;
  }

  /** Resolves when no event is in flight. */
  async drain(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  /** Entries were freed. Events about pools come first, since events about many pods may be dropped. */
  freed(orphans: readonly Orphan[]): void {
    for (const [pool, ofPool] of Map.groupBy(orphans, ({ key }) => formatPoolKey(key))) {
      const [first] = ofPool;
      if (!first) continue;
      const message =
        `Freed ${ofPool.length} leaked addresses of ${pool}, including that of ${first.allocation.podRef}`;
      this.#record({
        regarding: { kind: "IPPool", pool },
        type: "Normal",
        reason: "IPAddressGarbageCollected",
        message,
      });
    }
    for (const { key, allocation, reason } of orphans) {
      this.#metrics.freed.add({ what: "entry", reason: labelOf(reason) });
      const [namespace = "", name = ""] = allocation.podRef.split("/");
      const address = formatIp({ family: key.cidr.family, value: allocation.address });
      const message = `Freed ${address} of pool ${formatPoolKey(key)}: the ${reason}`;
      this.#record({
        regarding: { kind: "Pod", namespace, name, ...(allocation.uid !== undefined && { uid: allocation.uid }) },
        type: "Normal",
        reason: "IPAddressGarbageCollected",
        message,
      });
    }
  }

  /** The addresses of deleted pods could not be freed. */
  releaseFailed(podRefs: readonly string[], error: unknown): void {
    this.#metrics.failures.add({ part: "pods" }, podRefs.length);
    for (const pod of podRefs) {
      this.#log.error("Could not free addresses of deleted pod; the next sweep retries", {
        pod,
        error: messageOf(error),
      });
    }
    for (const podRef of podRefs) {
      const [namespace = "", name = ""] = podRef.split("/");
      const message = `Cannot free the addresses of ${podRef}; the next sweep retries: ${messageOf(error)}`;
      this.#record({
        regarding: { kind: "Pod", namespace, name },
        type: "Warning",
        reason: "IPAddressGarbageCollectionFailed",
        message,
      });
    }
  }

  /** A check or sweep freed and repaired records, and found addresses with two owners. */
  changed({ orphans, reservations, reserved, restored, duplicates, failures }: Swept): void {
    this.freed(orphans);
    for (const { reservation: { ip, network, podRef }, reason } of reservations) {
      this.#metrics.freed.add({ what: "reservation", reason: labelOf(reason) });
      const [namespace = "", name = ""] = podRef.split("/");
      const where = network === "" ? "" : ` of network ${network}`;
      this.#record({
        regarding: { kind: "Pod", namespace, name },
        type: "Normal",
        reason: "IPReservationGarbageCollected",
        message: `Freed the reservation of ${formatIp(ip)}${where}: the ${reason}`,
      });
    }
    if (reserved.length > 0) this.#metrics.reserved.add({}, reserved.length);
    if (restored.length > 0) this.#metrics.restored.add({}, restored.length);
    for (const failure of failures) this.#log.error("Could not free a record", { error: messageOf(failure) });
    this.found(duplicates.map(duplicateFinding));
  }

  /** Findings: a log line and an event for each object and kind. */
  found(findings: readonly Finding[]): void {
    for (const [reason, events] of Map.groupBy(findingEvents(findings), ({ reason }) => reason)) {
      for (const event of events.slice(0, MAX_IN_FLIGHT)) this.#warn(event);
      const more = events.length - MAX_IN_FLIGHT;
      if (more > 0) {
        this.#log.warn("More objects have the same finding; run whereabouts check", { reason, more });
      }
    }
  }

  /** A sweep finished. */
  swept(swept: Swept, seconds: number, uses: readonly PoolUse[]): void {
    const { orphans, reservations, reserved, restored, suspected, unconfirmed, findings, failures } = swept;
    this.changed(swept);
    this.found(findings);
    this.#metrics.sweeps.add({ outcome: failures.length > 0 ? "partial" : "success" });
    this.#metrics.sweepSeconds.observe(seconds);
    this.#log.info("Sweep finished", {
      freed: orphans.length,
      reservations: reservations.length,
      repaired: reserved.length + restored.length,
      suspected: suspected.length,
      unconfirmed: unconfirmed.length,
      findings: findings.length,
      failures: failures.length,
      seconds: seconds.toFixed(1),
    });
    for (const { key, capacity, free } of uses) {
      if (free > 0n || capacity === 0n) continue;
      const pool = formatPoolKey(key);
      const message =
        `Pool ${pool} is full (${capacity} of ${capacity} in use): new pods do not start; widen the range or delete pods`;
      this.#warn({ regarding: { kind: "IPPool", pool }, type: "Warning", reason: "PoolExhausted", message });
    }
  }

  /** A sweep failed. */
  sweepFailed(error: unknown): void {
    this.#metrics.sweeps.add({ outcome: "failure" });
    this.#log.error("Sweep failed; addresses that it freed are logged above", { error: messageOf(error) });
  }

  /** Problems with node slices. */
  problems(problems: readonly SliceProblem[]): void {
    for (const { attachment: { namespace, name }, reason, message } of problems) {
      const regarding = { kind: "NetworkAttachmentDefinition", namespace, name } as const;
      this.#warn({ regarding, type: "Warning", reason, message });
    }
  }

  /** Slices of a NodeSlicePool no longer belong to their nodes. */
  unassigned(name: string, slices: readonly Slice[]): void {
    this.#metrics.slicesUnassigned.add({}, slices.length);
    for (const { node, cidr } of slices) {
      this.#log.info("Unassigned a node slice", { nodeslicepool: name, slice: formatCidr(cidr), node });
    }
  }

  /** The API server refused a write of node slices. */
  writeRefused(object: string, error: unknown): void {
    this.#metrics.failures.add({ part: "slices" });
    this.#log.error("API server refused a write of node slices", { object, error: messageOf(error) });
  }

  /** Logs and records a warning, once per object and reason within {@linkcode REPEAT_INTERVAL}. */
  #warn(event: ClusterEvent): void {
    const mark = JSON.stringify([event.regarding.kind, subjectOf(event), event.reason]);
    const now = this.#world.monotonic();
    for (const [key, at] of this.#reported) if (now - at >= REPEAT_INTERVAL) this.#reported.delete(key);
    if (this.#reported.has(mark)) return;
    this.#reported.set(mark, now);
    this.#log.warn(event.message, { reason: event.reason, object: subjectOf(event) });
    this.#record(event);
  }

  #record(event: ClusterEvent): void {
    if (this.#inFlight.size >= MAX_IN_FLIGHT) return;
    const timeout = new Error(`No answer within ${EVENT_TIMEOUT / 1_000} s`);
    const record = async () => {
      using deadline = startDeadline(this.#world, EVENT_TIMEOUT, timeout, this.#term);
      await this.#cluster.recordEvent(event, deadline.signal);
    };
    const recording = record().catch((error) => {
      this.#metrics.failures.add({ part: "events" });
      this.#log.debug("Could not record an event", { error: messageOf(error) });
    }).finally(() => this.#inFlight.delete(recording));
    this.#inFlight.add(recording);
  }
}

/** A reason as the value of a label, which has no blanks. */
function labelOf(reason: string): string {
  return reason.replaceAll(" ", "_");
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
