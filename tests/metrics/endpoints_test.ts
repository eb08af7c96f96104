import assert from "node:assert/strict";
import { answerHttp, commonMetrics } from "../../src/metrics/endpoints.ts";
import { REVISION, VERSION } from "../../src/version.ts";

Deno.test("answerHttp serves health, metrics, and readiness with the reason", () => {
  const get = (path: string, reason?: string) => answerHttp(path, { notReady: () => reason, metrics: () => "up 1\n" });
  const info = commonMetrics(undefined);
  assert.deepEqual(["/healthz", "/readyz", "/metrics"].map((path) => get(path)), [
    { status: 200, body: "ok\n" },
    { status: 200, body: "ok\n" },
    { status: 200, body: `${info}up 1\n` },
  ]);
  const reason = "Reading the cluster";
  assert.deepEqual([get("/readyz", reason), get("/healthz", reason).status], [
    { status: 503, body: `${reason}\n` },
    200,
  ]);
  assert.equal(get("/").status, 404);
  assert.match(get("/ready").body, /\/healthz, \/readyz and \/metrics/);
});

Deno.test("answerHttp puts build and process before the metrics of the server", () => {
  const stats = () => ({
    cpuSeconds: 1.5,
    residentBytes: 2,
    startSeconds: 6,
  });
  const { body } = answerHttp("/metrics", { notReady: () => undefined, metrics: () => "up 1\n", stats });
  assert.deepEqual(body.split("\n").filter((line) => !line.startsWith("#")), [
    `whereabouts_build_info{version="${VERSION}",revision="${REVISION}"} 1`,
    "process_cpu_seconds_total 1.5",
    "process_resident_memory_bytes 2",
    "process_start_time_seconds 6",
    "up 1",
    "",
  ]);
  assert.match(body, /^# TYPE process_cpu_seconds_total counter$/m);
  assert.match(body, /^# TYPE process_resident_memory_bytes gauge$/m);
});
