/**
 * The HTTP endpoints of a server: health, readiness and metrics.
 *
 * @module
 */

/** What the endpoints report. */
export interface Endpoints {
  /** Why the process is not ready, in one sentence; undefined: it is ready. */
  readonly notReady: () => string | undefined;
  /** The metrics in the text format of Prometheus. */
  readonly metrics: () => string;
}

/** Answers a request for `/healthz`, `/readyz` (503 while not ready) or `/metrics`; 404 for other paths. */
export function answerHttp(
  path: string,
  { notReady, metrics }: Endpoints,
): { readonly status: number; readonly body: string } {
  switch (path) {
    case "/healthz":
      return { status: 200, body: "ok\n" };
    case "/readyz": {
      const reason = notReady();
      return reason === undefined ? { status: 200, body: "ok\n" } : { status: 503, body: `${reason}\n` };
    }
    case "/metrics":
      return { status: 200, body: metrics() };
    default:
      return { status: 404, body: "Not found; the paths are /healthz, /readyz and /metrics\n" };
  }
}
