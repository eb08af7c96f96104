/**
 * The agent's metrics.
 *
 * @module
 */
import { Counter, Gauge, Histogram, type Metric, renderMetrics, SECONDS } from "../metrics/metrics.ts";
import type { OperationOutcome } from "./measured.ts";

/** How a call can end. */
const OUTCOMES = ["success", "error", "declined"] as const;
type Outcome = typeof OUTCOMES[number];

/** The values of the gauges. */
interface AgentState {
  /** Calls without an answer yet. */
  readonly inFlight: () => number;
  /** Those of them that wait because their store is at its limit. */
  readonly queued: () => number;
  /** Pending releases. */
  readonly pending: () => number;
  /** Addresses of this node's pods that are allocated to another pod too. */
  readonly duplicates: () => number;
}

/** Max networks that are counted by name; further ones are counted together. Names come from configurations, and a series stays forever. */
const MAX_NETWORKS = 100;
/** The label of further networks. A network cannot have this name: it begins with a letter or digit (CNI specification). */
const FURTHER = "(further)";
/** Upper bounds of batch sizes. */
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500] as const;

/** Counters, histograms and gauges of the agent. */
export class AgentMetrics {
  readonly #requests = new Counter(
    "whereabouts_agent_requests_total",
    "Calls of the plugin by verb, outcome and network",
    [],
  );
  readonly #networks = new Set<string>();
  readonly #durations = new Histogram(
    "whereabouts_agent_request_seconds",
    "Time of a call in the agent by verb and outcome",
    SECONDS,
  );
  readonly #batches = new Histogram("whereabouts_agent_batch_size", "Requests written in one commit", SIZES);
  readonly #commits = new Histogram("whereabouts_agent_commit_seconds", "Time of a commit, retries included", SECONDS);
  readonly #conflicts = new Counter(
    "whereabouts_agent_conflicts_total",
    "Operations refused because another write came first",
    [{ operation: "commit" }],
  );
  readonly #retries = new Counter(
    "whereabouts_agent_retries_total",
    "Failed operations that are retried, by reason",
    [{ reason: "conflict" }, { reason: "unavailable" }],
  );
  readonly #store = new Histogram(
    "whereabouts_agent_store_seconds",
    "Time of an operation of the store by operation and outcome",
    SECONDS,
  );
  readonly #completed = new Counter("whereabouts_agent_releases_completed_total", "Pending releases completed");
  readonly #restored = new Counter(
    "whereabouts_agent_restored_entries_total",
    "Entries that the store had lost, recreated from the journal",
  );
  readonly #givenUp = new Counter(
    "whereabouts_agent_releases_given_up_total",
    "Pending releases given up after a day; the sweep frees their addresses",
  );
  readonly #taken = new Counter(
    "whereabouts_agent_node_slices_taken_total",
    "Free node slices that this node took, because its own were full",
  );
  readonly #borrowed = new Counter(
    "whereabouts_agent_addresses_borrowed_total",
    "Addresses that pods of this node borrowed from slices of other nodes",
  );
  readonly #gauges: readonly Gauge[];

  /** The gauges read the state when the metrics are rendered. */
  constructor({ inFlight, queued, pending, duplicates }: AgentState) {
    this.#gauges = [
      new Gauge("whereabouts_agent_requests_in_flight", "Calls in progress, including those that wait", inFlight),
      new Gauge("whereabouts_agent_queue_length", "Calls that wait because their store is at its limit", queued),
      new Gauge(
        "whereabouts_agent_releases_pending",
        "Pending releases in the journal",
        pending,
      ),
      new Gauge(
        "whereabouts_agent_duplicate_addresses",
        "Addresses of running pods of this node that are allocated to another pod too",
        duplicates,
      ),
    ];
  }

  /**
   * A call was answered, or declined for the plugin to serve.
   *
   * @param network the name of the network; empty if the call could not be read
   */
  served(verb: string, outcome: Outcome, milliseconds: number, network: string): void {
    this.#requests.add({ verb, outcome, network: this.#labelOf(network) });
    this.#durations.observe(milliseconds / 1000, { verb, outcome });
  }

  #labelOf(network: string): string {
    if (network === "" || this.#networks.has(network)) return network;
    if (this.#networks.size >= MAX_NETWORKS) return FURTHER;
    this.#networks.add(network);
    for (const outcome of OUTCOMES) this.#requests.add({ verb: "ADD", outcome, network }, 0);
    return network;
  }

  /** A batch was committed. */
  committed(requests: number, milliseconds: number): void {
    this.#batches.observe(requests);
    this.#commits.observe(milliseconds / 1000);
  }

  /** An operation of a store ended. */
  operated(operation: string, outcome: OperationOutcome, milliseconds: number): void {
    this.#store.observe(milliseconds / 1000, { operation, outcome });
    if (outcome === "conflict") this.#conflicts.add({ operation });
    if (outcome === "conflict" || outcome === "unavailable") this.#retries.add({ reason: outcome });
  }

  /** Pending releases were completed. */
  completed(count: number): void {
    this.#completed.add({}, count);
  }

  /** Lost entries were recreated. */
  restored(count: number): void {
    this.#restored.add({}, count);
  }

  /** Pending releases were given up. */
  gaveUp(count: number): void {
    this.#givenUp.add({}, count);
  }

  /** A node slice was taken, or an address of another node's slice was borrowed. */
  sliced(event: "taken" | "borrowed"): void {
    (event === "taken" ? this.#taken : this.#borrowed).add({});
  }

  /** All metrics in the text format of Prometheus. */
  text(): string {
    const metrics: Metric[] = [
      this.#requests,
      this.#durations,
      this.#batches,
      this.#commits,
      this.#conflicts,
      this.#retries,
      this.#store,
      this.#completed,
      this.#restored,
      this.#givenUp,
      this.#taken,
      this.#borrowed,
      ...this.#gauges,
    ];
    return renderMetrics(metrics);
  }
}
