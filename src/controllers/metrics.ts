/**
 * The metrics of the controller, under the names of telekom/whereabouts where it has the same metric.
 *
 * @module
 */
import { type Finding, type FindingKind, KINDS } from "../pool/finding.ts";
import type { Unconfirmed } from "../pool/orphans.ts";
import { formatCidr } from "../address/cidr.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import { Counter, Gauge, Histogram, type Labels, type Metric, renderMetrics, SECONDS } from "../metrics/metrics.ts";
import type { KeptCount, PoolUse } from "./pool_use.ts";
import type { Network } from "./networks.ts";
import type { SliceStates } from "./slice_work.ts";

/** The parts of the controller whose failures are counted. */
const PARTS = ["pods", "slices", "events", "claims", "statuses"] as const;

/** The state that gauges read when metrics are scraped. */
interface ControllerState {
  /** Whether this process leads. */
  readonly leading: () => boolean;
  /** Number of pods. */
  readonly pods: () => number;
  /** The pools as last read. */
  readonly pools: () => readonly PoolUse[];
  /** Each pool with each network that uses it. */
  readonly users: () => Iterable<readonly [PoolKey, Network]>;
  /** The name of the object of a pool. */
  readonly nameOf: (key: PoolKey) => string;
  /** Node slices, as last planned. */
  readonly slices: () => readonly SliceStates[];
  /** Addresses that IPAMClaims and StatefulSets keep, as of the last sweep. */
  readonly kept: () => readonly KeptCount[];
  /** When the last sweep succeeded, in milliseconds since 1970; undefined: none has. */
  readonly lastSweep: () => number | undefined;
  /** When the next sweep is due, in milliseconds since 1970; undefined: another process sweeps. */
  readonly sweepDue: () => number | undefined;
  /** Allocations that the last sweep kept for lack of evidence. */
  readonly unconfirmed: () => readonly Unconfirmed[];
  /** The findings of the last sweep. */
  readonly findings: () => readonly Finding[];
}

/** All metrics of the controller. */
export class ControllerMetrics {
  /** Allocations and reservations that were freed. */
  readonly freed = new Counter("whereabouts_freed_total", "Allocations and reservations freed, by reason", []);
  /** Lost allocations that were recreated. */
  readonly restored = new Counter(
    "whereabouts_allocations_restored_total",
    "Lost allocations recreated from reservations",
  );
  /** Missing reservations that were recreated. */
  readonly reserved = new Counter("whereabouts_reservations_repaired_total", "Missing reservations recreated");
  /** Node slices that lost their node. */
  readonly slicesUnassigned = new Counter(
    "whereabouts_node_slices_unassigned_total",
    "Unused node slices that lost their node: of deleted nodes and networks, and elastic ones after their grace period",
  );
  /** Sweeps. */
  readonly sweeps = new Counter("whereabouts_sweeps_total", "Sweeps, by outcome", [
    { outcome: "success" },
    { outcome: "partial" },
    { outcome: "failure" },
  ]);
  /** Duration of sweeps. */
  readonly sweepSeconds = new Histogram("whereabouts_sweep_seconds", "Duration of a sweep in seconds", [
    ...SECONDS,
    60,
    300,
  ]);
  /** Failures that are retried. */
  readonly failures = new Counter(
    "whereabouts_controller_failures_total",
    "Failed operations that are retried, by part",
    PARTS.map((part) => ({ part })),
  );
  readonly #gauges: readonly Metric[];

  /** Gauges read `state` when metrics are scraped. */
  constructor(state: ControllerState) {
    const bySlices = () =>
      state.slices().flatMap(({ name, assigned, free, missing }) =>
        Object.entries({ assigned, free, missing }).map(([state, count]) =>
          [{ node_slice_pool: name, state }, count] as const
        )
      );
    this.#gauges = [
      new Gauge(
        "whereabouts_controller_leading",
        "1 if this process is the leader, else 0",
        () => Number(state.leading()),
      ),
      new Gauge("whereabouts_controller_pods", "Pods in the cluster", state.pods),
      ...poolGauges(state),
      new Gauge(
        "whereabouts_kept_allocations",
        "Allocations that an IPAMClaim or a StatefulSet keeps, by kind and state (in_use, stopped)",
        () => state.kept().map(({ keeper, state, count }) => [{ keeper, state }, count] as const),
      ),
      new Gauge(
        "whereabouts_findings",
        "Findings of the last sweep, by kind and severity (leak, conflict, unusable)",
        () => countKinds(state.findings()),
      ),
      new Gauge("whereabouts_node_slices", "Node slices by NodeSlicePool and state", bySlices),
      new Gauge(
        "whereabouts_sweep_last_success_timestamp_seconds",
        "Time of the last successful sweep in seconds since 1970; 0 before the first",
        () => (state.lastSweep() ?? 0) / 1_000,
      ),
      new Gauge(
        "whereabouts_sweep_due_timestamp_seconds",
        "Time at which the next sweep is due in seconds since 1970; from the leader only",
        () => {
          const due = state.sweepDue();
          return due === undefined ? [] : [[{}, due / 1_000]];
        },
      ),
    ];
  }

  /** The metrics in the text format of Prometheus. */
  text(): string {
    return renderMetrics([
      this.freed,
      this.restored,
      this.reserved,
      this.slicesUnassigned,
      this.sweeps,
      this.sweepSeconds,
      this.failures,
      ...this.#gauges,
    ]);
  }
}

/** The gauges of pools and of the networks that use them. */
function poolGauges(state: ControllerState): readonly Metric[] {
  const labelsOf = (key: PoolKey) => ({
    pool: state.nameOf(key),
    network_name: key.network,
    node: key.node ?? "",
    range: formatCidr(key.cidr),
  });
  const byPool = (value: (use: PoolUse) => number) => () =>
    state.pools().map((use) => [labelsOf(use.key), value(use)] as const);
  const users = () =>
    [...state.users()].map(([key, { attachment, config }]) =>
      [{
        pool: state.nameOf(key),
        network: config.network,
        namespace: attachment.namespace,
        definition: attachment.name,
      }, 1] as const
    );
  return [
    new Gauge("whereabouts_ippool_allocations", "Allocated addresses", byPool(({ allocations }) => allocations)),
    new Gauge(
      "whereabouts_ippool_capacity",
      "Addresses that can be allocated",
      byPool(({ capacity }) => Number(capacity)),
    ),
    new Gauge("whereabouts_ippool_free", "Free addresses", byPool(({ free }) => Number(free))),
    new Gauge(
      "whereabouts_network_pool_info",
      "1 for each pool of each network, with the names of network and definition, to join metrics of networks and pools",
      users,
    ),
    new Gauge(
      "whereabouts_unconfirmed_allocations",
      "Allocations that the last sweep kept for lack of evidence",
      () => countPools(state.unconfirmed(), labelsOf),
    ),
  ];
}

/** Counts every kind, zero included, so that an alert on a kind works before its first finding. */
function countKinds(findings: readonly Finding[]): (readonly [Labels, number])[] {
  const counts = Map.groupBy(findings, ({ kind }) => kind);
  return Object.entries(KINDS).map(([kind, { severity }]) =>
    [{ kind, severity }, counts.get(kind as FindingKind)?.length ?? 0] as const
  );
}

function countPools(
  items: readonly Unconfirmed[],
  labelsOf: (key: PoolKey) => Labels,
): (readonly [Labels, number])[] {
  return [...Map.groupBy(items, ({ key }) => formatPoolKey(key)).values()].flatMap((some) =>
    some.slice(0, 1).map(({ key }) => [labelsOf(key), some.length] as const)
  );
}
