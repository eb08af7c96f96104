import assert from "node:assert/strict";
import { answerHttp } from "../../src/metrics/endpoints.ts";

Deno.test("answerHttp serves health, metrics, and readiness with the reason", () => {
  const get = (path: string, reason?: string) => answerHttp(path, { notReady: () => reason, metrics: () => "up 1\n" });
  assert.deepEqual(["/healthz", "/readyz", "/metrics"].map((path) => get(path)), [
    { status: 200, body: "ok\n" },
    { status: 200, body: "ok\n" },
    { status: 200, body: "up 1\n" },
  ]);
  const reason = "Reading the cluster";
  assert.deepEqual([get("/readyz", reason), get("/healthz", reason).status], [
    { status: 503, body: `${reason}\n` },
    200,
  ]);
  assert.equal(get("/").status, 404);
  assert.match(get("/ready").body, /\/healthz, \/readyz and \/metrics/);
});
