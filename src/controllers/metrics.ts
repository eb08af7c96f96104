/**
 * What the controller counts. Names are those of telekom/whereabouts where it has them.
 *
 * @module
 */
import { type Finding, type FindingKind, KINDS } from "../pool/finding.ts";
import type { Unconfirmed } from "../pool/orphans.ts";
import { formatPoolKey } from "../pool/types.ts";
import { Counter, Gauge, Histogram, type Metric, renderMetrics, SECONDS } from "../metrics/metrics.ts";
import type { PoolUse } from "./pool_use.ts";
import type { SliceStates } from "./slices.ts";

/** What is asked for when the metrics are read. */
export interface ControllerState {
  /** Whether this process leads. */
  readonly leading: () => boolean;
  /** Pods known. */
  readonly pods: () => number;
  /** The pools, as last looked at. */
  readonly pools: () => readonly PoolUse[];
  /** Node slices, as last planned. */
  readonly slices: () => readonly SliceStates[];
  /** When the last sweep succeeded, in milliseconds since 1970; undefined: none has. */
  readonly lastSweep: () => number | undefined;
  /** Entries that the last sweep kept for lack of evidence. */
  readonly unconfirmed: () => readonly Unconfirmed[];
  /** What the last sweep found, and did not mend. */
  readonly findings: () => readonly Finding[];
}

/** All of them. */
export class ControllerMetrics {
  /** Entries and reservations that were freed, by reason. */
  readonly freed = new Counter("whereabouts_freed_total", "Entries and reservations freed, by reason");
  /** Entries that were lost, and were created again. */
  readonly restored = new Counter(
    "whereabouts_allocations_restored_total",
    "Lost entries created again from reservations",
  );
  /** Reservations that were missing, and were made. */
  readonly reserved = new Counter("whereabouts_reservations_repaired_total", "Missing reservations made again");
  /** Sweeps, by outcome. */
  readonly sweeps = new Counter("whereabouts_sweeps_total", "Sweeps by outcome");
  /** Time of sweeps. */
  readonly sweepSeconds = new Histogram("whereabouts_sweep_seconds", "Time of a sweep", [
    ...SECONDS,
    60,
    300,
  ]);
  /** What failed, by part. */
  readonly failures = new Counter("whereabouts_controller_failures_total", "What failed and is tried again, by part");
  readonly #gauges: readonly Metric[];

  /** The gauges read the controller's state. */
  constructor(state: ControllerState) {
    const byPool = (value: (use: PoolUse) => number) => () =>
      state.pools().map((use) => [{ pool: formatPoolKey(use.key) }, value(use)] as const);
    const bySlices = () =>
      state.slices().flatMap(({ name, assigned, free, missing }) =>
        Object.entries({ assigned, free, missing }).map(([state, count]) => [{ pool: name, state }, count] as const)
      );
    this.#gauges = [
      new Gauge("whereabouts_controller_leading", "Whether this process leads", () => Number(state.leading())),
      new Gauge("whereabouts_controller_pods", "Pods known", state.pods),
      new Gauge("whereabouts_ippool_allocations", "Addresses allocated", byPool(({ allocations }) => allocations)),
      new Gauge(
        "whereabouts_ippool_capacity",
        "Addresses that can be allocated in all",
        byPool(({ capacity }) => capacity),
      ),
      new Gauge("whereabouts_ippool_free", "Addresses left", byPool(({ free }) => free)),
      new Gauge(
        "whereabouts_unconfirmed_allocations",
        "Addresses that the last sweep kept although nothing showed that their pods use them",
        () => countBy(state.unconfirmed(), ({ key }) => formatPoolKey(key)),
      ),
      new Gauge(
        "whereabouts_findings",
        "What the last sweep found wrong and did not mend, by kind",
        () => countKinds(state.findings()),
      ),
      new Gauge("whereabouts_node_slices", "Node slices by state", bySlices),
      new Gauge(
        "whereabouts_sweep_last_success_seconds",
        "When the last sweep succeeded, in seconds since 1970; 0 where none has",
        () => (state.lastSweep() ?? 0) / 1_000,
      ),
    ];
  }

  /** As text. */
  text(): string {
    return renderMetrics([
      this.freed,
      this.restored,
      this.reserved,
      this.sweeps,
      this.sweepSeconds,
      this.failures,
      ...this.#gauges,
    ]);
  }
}

/** Every kind, so that an alarm on one of them works before it is first found. */
function countKinds(findings: readonly Finding[]): (readonly [{ readonly kind: string }, number])[] {
  const counts = Map.groupBy(findings, ({ kind }) => kind);
  return Object.keys(KINDS).map((kind) => [{ kind }, counts.get(kind as FindingKind)?.length ?? 0] as const);
}

function countBy<T>(
  items: readonly T[],
  poolOf: (item: T) => string,
): (readonly [{ readonly pool: string }, number])[] {
  return [...Map.groupBy(items, poolOf)].map(([pool, some]) => [{ pool }, some.length] as const);
}
