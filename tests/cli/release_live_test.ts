import assert from "node:assert/strict";
import { put } from "../drivers/kubernetes/live.ts";
import { makeCluster, type TestCluster } from "./cluster.ts";

/** Addresses of all pools, with their pods. */
async function held({ kube }: TestCluster): Promise<string[]> {
  const { items } = JSON.parse(await kube.kubectl("get", "ippools", "-o", "json"));
  return items.flatMap(({ metadata: { name }, spec: { allocations } }: Pool) =>
    Object.entries(allocations).map(([key, { podref }]) => `${name} ${key} ${podref.split("/")[1]}`)
  ).sort();
}

/** The compared fields of an IPPool. */
interface Pool {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly allocations: Readonly<Record<string, { readonly podref: string }>> };
}

Deno.test("release shows the state of the pod of an address, and releases that of a running pod only with --force", async () => {
  await using cluster = await makeCluster();
  const { kube, objects, ask } = cluster;
  const entry = (pod: string) => ({ id: `c-${pod}`, podref: objects.ref(pod), ifname: "net1" });
  const allocations = { "1": entry("runs"), "2": entry("gone") };
  await put(kube, "IPPool", "10.95.0.0-24", { range: "10.95.0.0/24", allocations });
  await objects.pod("runs", { ips: ["10.95.0.1"], spec: { nodeName: "worker-1" } });
  const { code, out } = await ask("release", "10.95.0.1", "10.95.0.2", "--yes");
  assert.equal(code, 3, out);
  assert.match(out, /^10\.95\.0\.1 .*\/runs \(net1\) +kept: running on worker-1, uses it; --force releases it$/m);
  assert.match(out, /^10\.95\.0\.2 .*\/gone \(net1\) +released$/m);
  assert.deepEqual(await held(cluster), ["10.95.0.0-24 1 runs"]);
  const consistent = await ask("check");
  assert.equal(consistent.code, 0, consistent.out + consistent.err);
  const forced = await ask("release", "10.95.0.1", "--yes", "--force");
  assert.deepEqual([forced.code, await held(cluster)], [0, []]);
  const inUse = await ask("check"); // the pod uses an address that another pod may get
  assert.equal(inUse.code, 4, inUse.out + inUse.err);
});

Deno.test("release releases the one of two owners that --pod or --pool selects, and refuses without them", async () => {
  await using cluster = await makeCluster();
  const { kube, objects, ask } = cluster;
  const entry = (pod: string) => ({ id: `c-${pod}`, podref: objects.ref(pod), ifname: "net1" });
  await put(kube, "IPPool", "10.95.0.0-24", { range: "10.95.0.0/24", allocations: { "1": entry("wide") } });
  await put(kube, "IPPool", "10.95.0.0-25", { range: "10.95.0.0/25", allocations: { "1": entry("narrow") } });
  for (const pod of ["wide", "narrow"]) await objects.pod(pod, { ips: ["10.95.0.1"] });
  const check = await ask("check");
  assert.match(check.out, /^duplicate: 1 [^]*10\.95\.0\.1 .*\/(wide|narrow) .*\/(wide|narrow)/m);
  assert.match(check.out, /^ {2}Restart one of the two pods after whereabouts release ADDRESS --pod/m);
  const guess = await ask("release", "10.95.0.1", "--yes", "--force");
  assert.equal(guess.code, 2);
  assert.match(guess.err, /has 2 owners, .*; select one with --pod NAMESPACE\/NAME or --pool POOL/);
  const chosen = await ask("release", "10.95.0.1", "--yes", "--force", "--pod", objects.ref("wide"));
  assert.deepEqual([chosen.code, await held(cluster)], [0, ["10.95.0.0-25 1 narrow"]], chosen.err);
  const other = await ask("release", "10.95.0.1", "--yes", "--force", "--pool", "10.95.0.0/24");
  assert.equal(other.code, 1);
  const pool = await ask("release", "10.95.0.1", "--yes", "--force", "--pool", "10.95.0.0/25");
  assert.deepEqual([pool.code, await held(cluster)], [0, []]);
});
