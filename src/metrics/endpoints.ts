/**
 * The HTTP endpoints of a server: health, readiness and metrics.
 *
 * @module
 */
import type { ProcessStats } from "../world/platform.ts";
import { buildInfo, renderMetrics } from "./metrics.ts";
import { processMetrics } from "./process.ts";

/** What the endpoints report. */
export interface Endpoints {
  /** Why the process is not ready, in one sentence; undefined: it is ready. */
  readonly notReady: () => string | undefined;
  /** The metrics of the server in the text format of Prometheus. */
  readonly metrics: () => string;
  /** Reads what is known about the process. Absent: the metrics have nothing about it. */
  readonly stats?: () => ProcessStats;
}

/** The metrics that every server has, in the text format of Prometheus. */
export function commonMetrics(stats: ProcessStats | undefined): string {
  return renderMetrics([buildInfo(), ...(stats ? processMetrics(stats) : [])]);
}

/** Answers a request for `/healthz`, `/readyz` (503 while not ready) or `/metrics`; 404 for other paths. */
export function answerHttp(
  path: string,
  { notReady, metrics, stats }: Endpoints,
): { readonly status: number; readonly body: string } {
  switch (path) {
    case "/healthz":
      return { status: 200, body: "ok\n" };
    case "/readyz": {
      const reason = notReady();
      return reason === undefined ? { status: 200, body: "ok\n" } : { status: 503, body: `${reason}\n` };
    }
    case "/metrics":
      return { status: 200, body: commonMetrics(stats?.()) + metrics() };
    default:
      return { status: 404, body: "Not found; the paths are /healthz, /readyz and /metrics\n" };
  }
}
