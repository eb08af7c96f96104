/**
 * What the agent counts.
 *
 * @module
 */
import { Counter, Gauge, Histogram, type Metric, renderMetrics, SECONDS } from "../world/metrics.ts";

/** Upper bounds of batch sizes. */
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500] as const;

/** What the agent tells of itself. */
export class AgentMetrics {
  /** Calls by verb and outcome. */
  readonly requests = new Counter("whereabouts_agent_requests_total", "Calls of the plugin by verb and outcome");
  /** Durations of calls. */
  readonly durations = new Histogram("whereabouts_agent_request_seconds", "Time of a call in the agent", SECONDS);
  /** Requests decided together. */
  readonly batches = new Histogram("whereabouts_agent_batch_size", "Requests written in one commit", SIZES);
  /** Time of a commit, retries included. */
  readonly commits = new Histogram("whereabouts_agent_commit_seconds", "Time of a commit, retries included", SECONDS);
  /** Late releases. */
  readonly replays = new Counter("whereabouts_agent_late_releases_total", "Releases delivered from the journal");
  readonly #gauges: readonly Gauge[];

  /** The gauges read the agent's state. */
  constructor(waiting: () => number, pending: () => number) {
    this.#gauges = [
      new Gauge("whereabouts_agent_requests_in_flight", "Calls under way", waiting),
      new Gauge(
        "whereabouts_agent_releases_pending",
        "Releases in the journal that are still to be delivered",
        pending,
      ),
    ];
  }

  /** All of them as text. */
  text(): string {
    const metrics: Metric[] = [
      this.requests,
      this.durations,
      this.batches,
      this.commits,
      this.replays,
      ...this.#gauges,
    ];
    return renderMetrics(metrics);
  }
}
