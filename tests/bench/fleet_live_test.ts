import assert from "node:assert/strict";
import { makeKube } from "../support/kube.ts";
import { FaultProxy } from "../support/proxy.ts";
import { churn } from "./churn.ts";
import { Fleet } from "./fleet.ts";

/** Milliseconds that the server asks a client to wait. */
const RETRY_AFTER = 1_000;

Deno.test("agents whose requests the API server refuses for its load wait as long as it asks, and do not come back together", async () => {
  await using kube = await makeKube();
  await using proxy = await FaultProxy.start(kube);
  await using fleet = new Fleet(30);
  const ipam = {
    kubernetes: { kubeconfig: await proxy.kubeconfig() },
    range: "10.0.0.0/24",
    enable_overlapping_ranges: false,
  };
  const refused: number[] = [];
  const later: number[] = [];
  proxy.plan = ({ what }) => {
    if (what !== "GET ippools") return "pass";
    const isRefused = refused.length < fleet.nodes.length;
    (isRefused ? refused : later).push(performance.now());
    return isRefused ? { status: 429, retryAfter: RETRY_AFTER / 1_000 } : "pass";
  };
  const { failure, adds, duplicates } = await churn(fleet, { ipam, pods: fleet.nodes.length, width: 1, live: 1 });
  assert.equal(failure, undefined);
  assert.equal(adds.length, fleet.nodes.length);
  assert.equal(duplicates, 0);
  const [first = Number.NaN] = refused;
  const waited = later.map((at) => Math.round(at - first));
  assert(waited.every((milliseconds) => milliseconds >= RETRY_AFTER), `${waited}`);
  // with the back-off alone, which is 200 ms, all of them would come at the same time
  const most = waited[Math.floor(fleet.nodes.length * 0.9)] ?? Number.NaN;
  assert(most - (waited[0] ?? 0) > RETRY_AFTER / 3, `${waited}`);
});
