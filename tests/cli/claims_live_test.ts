import assert from "node:assert/strict";
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { put, writeKubeconfig } from "../drivers/kubernetes/live.ts";
import { applyIpamClaims, createClaim, createSet } from "../support/ipam_claims.ts";
import type { Kube } from "../support/kube.ts";
import { makeCluster } from "./cluster.ts";
import { call } from "./lab.ts";

const RANGE = "10.95.0.0/24";

/** The entry of an address whose sandbox has ended, and its reservation. */
async function keep(kube: Kube, entries: Readonly<Record<string, readonly [pod: string, keeper: string]>>) {
  const facts = Object.entries(entries).map(([offset, [pod, keeper]]) => {
    const owner = { podref: `${kube.namespace}/${pod}`, ifname: "net1", keeper };
    return [offset, owner] as const;
  });
  const allocations = Object.fromEntries(facts.map(([offset, owner]) => [offset, { id: "", ...owner }]));
  await put(kube, "IPPool", RANGE.replace("/", "-"), { range: RANGE, allocations });
  for (const [offset, owner] of facts) await put(kube, "OverlappingRangeIPReservation", `10.95.0.${offset}`, owner);
}

/** The offsets of the allocated addresses, and of the reserved ones. */
async function offsets(kube: Kube): Promise<readonly [allocated: string, reserved: string]> {
  const { items: [pool] } = JSON.parse(await kube.kubectl("get", "ippools", "-o", "json"));
  const { items } = JSON.parse(await kube.kubectl("get", "overlappingrangeipreservations", "-o", "json"));
  const names = items.map(({ metadata: { name } }: { metadata: { name: string } }) => name.split(".").at(-1));
  return [Object.keys(pool.spec.allocations ?? {}).sort().join(), names.sort().join()];
}

/** A kubeconfig of an account that may do everything that a sweep needs, except with IPAMClaims. */
async function withoutClaims(kube: Kube): Promise<string> {
  const rules = [
    { apiGroups: ["", "resource.k8s.io", "apps", "whereabouts.cni.cncf.io"], resources: ["*"], verbs: ["*"] },
    { apiGroups: ["k8s.cni.cncf.io"], resources: ["network-attachment-definitions"], verbs: ["*"] },
  ];
  const group = "rbac.authorization.k8s.io";
  const items = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "limited" } },
    { apiVersion: `${group}/v1`, kind: "ClusterRole", metadata: { name: "limited" }, rules },
    {
      apiVersion: `${group}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name: "limited" },
      roleRef: { apiGroup: group, kind: "ClusterRole", name: "limited" },
      subjects: [{ kind: "ServiceAccount", name: "limited", namespace: kube.namespace }],
    },
  ];
  const file = await Deno.makeTempFile({ dir: kube.folder });
  await Deno.writeTextFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  await kube.kubectl("create", "-f", file);
  return await writeKubeconfig(kube, { token: (await kube.kubectl("create", "token", "limited")).trim() });
}

Deno.test("kept addresses outlive their pods, and are freed once their keepers are gone", async () => {
  await using cluster = await makeCluster();
  const { kube, ask, define } = cluster;
  await applyIpamClaims(kube);
  await define("net", { range: RANGE });
  const uid = await createClaim(kube, "vm1.net1");
  await createClaim(kube, "vm2.net1");
  const set = await createSet(kube, "web", 2);
  await keep(kube, {
    "1": ["launcher-a", `IPAMClaim/vm1.net1/${uid}`],
    "2": ["web-0", `StatefulSet/web/${set}`],
    "3": ["web-1", `StatefulSet/web/${set}`],
    "4": ["launcher-b", "IPAMClaim/vm2.net1/0b0c0d0e-0000-4000-8000-000000000001"],
  });
  const kubeconfig = await withoutClaims(kube);
  const refused = await call({ openCluster }, "reconcile", "--grace", "5", "--kubeconfig", kubeconfig);
  assert.match(refused.err, /ipamclaims/);
  assert.deepEqual(await offsets(kube), ["1,2,3,4", "1,2,3,4"], "403 frees nothing");

  const first = await ask("reconcile", "--grace", "5");
  assert.deepEqual([first.code, first.err.match(/Could not.*/g)], [0, null], first.err);
  assert.match(first.out, /10\.95\.0\.4 .*IPAMClaim is gone/);
  assert.deepEqual(await offsets(kube), ["1,2,3", "1,2,3"], "another claim of the same name keeps nothing");
  const { status } = JSON.parse(await kube.kubectl("get", "ipamclaim", "vm1.net1", "-o", "json"));
  assert.deepEqual([status.ips, status.ownerPod, status.conditions[0].type], [
    ["10.95.0.1/24"],
    undefined,
    "IPsAllocated",
  ]);
  const check = await ask("check");
  assert.deepEqual(
    [check.code, /Consistent/.test(check.out), /UNCONFIRMED/.test(check.out)],
    [0, true, false],
    check.out,
  );
  const claims = await ask("claims");
  const prefix = kube.namespace;
  assert.deepEqual(claims.out.trim().split("\n").map((line) => line.split(/ {2,}/)), [
    ["KEEPER", "ADDRESS", "STATE", "POD"],
    [`IPAMClaim ${prefix}/vm1.net1`, "10.95.0.1", "stopped", "launcher-a"],
    [`StatefulSet ${prefix}/web`, "10.95.0.2", "stopped", "web-0"],
    [`StatefulSet ${prefix}/web`, "10.95.0.3", "stopped", "web-1"],
  ]);
  for (const line of claims.out.split("\n")) assert(line.length <= 80, line);
  assert.match((await ask("who-has", "10.95.0.1")).out, /IPAMClaim vm1\.net1 \(stopped\)/);
  assert.match((await ask("show", RANGE)).out, /KEPT BY[^]*StatefulSet web \(stopped\)/);

  await kube.kubectl("delete", "ipamclaim", "vm1.net1");
  await kube.kubectl("scale", "statefulset", "web", "--replicas=1");
  const gone = await ask("check");
  assert.deepEqual([gone.code, gone.out.match(/^ +10\S+ is kept for/gm)?.length], [3, 2], gone.out);
  const second = await ask("reconcile", "--grace", "5");
  assert.match(second.out, /StatefulSet was scaled down/);
  assert.deepEqual(await offsets(kube), ["2", "2"]);
  assert.equal((await ask("check")).code, 0);
});

Deno.test("a status with another address is reported, and corrected by reconcile", async () => {
  await using cluster = await makeCluster();
  const { kube, ask, define } = cluster;
  await applyIpamClaims(kube);
  await define("net", { range: RANGE });
  const uid = await createClaim(kube, "vm1.net1");
  await keep(kube, { "1": ["launcher-a", `IPAMClaim/vm1.net1/${uid}`] });
  assert.equal((await ask("check")).code, 0, "a status that is not written yet is no finding");
  const patch = JSON.stringify({ status: { ips: ["10.95.0.9/24"] } });
  await kube.kubectl("patch", "ipamclaim", "vm1.net1", "--subresource=status", "--type=merge", "-p", patch);
  const found = await ask("check");
  assert.deepEqual(
    [found.code, /^claim-status-differs: 1 [^]* has 10\.95\.0\.9/m.test(found.out)],
    [4, true],
    found.out,
  );
  await ask("reconcile", "--grace", "5");
  assert.equal((await ask("check")).code, 0);
});
