import assert from "node:assert/strict";
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { blockAfter } from "../documents.ts";
import { put, writeKubeconfig } from "../drivers/kubernetes/live.ts";
import { type Kube, NOBODY_TOKEN } from "../support/kube.ts";
import { makeCluster, type TestCluster } from "./cluster.ts";
import { call, database, type Ran, run } from "./lab.ts";

const MANIFESTS = new URL("../../install/manifests/", import.meta.url).pathname;
const OPERATIONS = "docs/OPERATIONS.md";

/** The state of each part. */
function statesOf({ out }: Ran): Record<string, string> {
  const { parts } = JSON.parse(out) as { readonly parts: readonly { readonly part: string; readonly state: string }[] };
  return Object.fromEntries(parts.map(({ part, state }) => [part, state]));
}

/** An installation whose controllers of Kubernetes are played by the test. */
interface Lab extends TestCluster {
  /** Makes objects in kube-system. */
  readonly system: Kube;
  /** Runs the command on kube-system. */
  readonly status: (...args: string[]) => Promise<Ran>;
  /** Writes a status. */
  readonly patch: (object: string, status: Readonly<Record<string, number>>) => Promise<void>;
  /** Lets the leader have renewed its Lease so many milliseconds ago. */
  readonly renew: (ago: number) => Promise<unknown>;
}

function labOf(cluster: TestCluster): Lab {
  const { kube, ask } = cluster;
  const kubectl = (...args: string[]) => kube.kubectl("-n", "kube-system", ...args);
  const merge = (object: string, change: unknown, ...more: string[]) =>
    kubectl("patch", object, "--type=merge", "-p", JSON.stringify(change), ...more);
  return {
    ...cluster,
    system: { ...kube, kubectl },
    status: (...args) => ask("status", "--namespace", "kube-system", ...args),
    patch: async (object, status) => void await merge(object, { status }, "--subresource=status"),
    renew: (ago) => {
      const renewTime = new Date(Date.now() - ago).toISOString().replace("Z", "000Z");
      const spec = { holderIdentity: "whereabouts-controller-0_5f", leaseDurationSeconds: 15, renewTime };
      return merge("lease/whereabouts-controller", { spec });
    },
  };
}

const COUNTS = {
  currentNumberScheduled: 3,
  numberMisscheduled: 0,
  desiredNumberScheduled: 3,
  updatedNumberScheduled: 3,
};

async function install({ kube, objects, patch, renew }: Lab): Promise<void> {
  for (const node of ["n1", "n2", "n3"]) await objects.node(node);
  for (const file of ["daemonset.yaml", "controller.yaml"]) await kube.kubectl("apply", "-f", `${MANIFESTS}${file}`);
  await patch("daemonset/whereabouts", { ...COUNTS, numberReady: 3 });
  await patch("deployment/whereabouts-controller", { replicas: 2, readyReplicas: 2, updatedReplicas: 2 });
  await renew(0);
}

async function damage({ kube, system, patch }: Lab): Promise<void> {
  for (const pod of ["web-0", "web-1"]) await kube.kubectl("run", pod, "--namespace=default", "--image=none");
  const entry = (pod: string) => ({ id: pod, podref: `default/${pod}`, ifname: "net1" });
  const full = { range: "10.0.0.4/30", allocations: { "1": entry("web-0"), "2": entry("web-1") } };
  await put(system, "IPPool", "10.0.0.4-30", full);
  await put(system, "IPPool", "10.0.1.0-24", { range: "10.0.1.0/24", allocations: { "1": entry("gone") } });
  await patch("daemonset/whereabouts", { ...COUNTS, numberReady: 2 });
}

async function checkEmpty({ status, ask }: Lab): Promise<void> {
  const { code, out } = await status();
  assert.equal(code, 0, out);
  assert.match(out, /^store +ok +No pools in namespace kube-system /m);
  assert.match(out, /\nHealthy\n$/);
  const other = await ask("status");
  assert.equal(other.code, 3);
  assert.match(
    other.out,
    /^store +degraded +No pools in namespace \S+ of .*DaemonSet kube-system\/whereabouts is in another/m,
  );
  assert.match(other.out, /^ {2}store: Add --namespace kube-system$/m);
}

async function checkJson({ status, ask }: Lab): Promise<void> {
  const ran = await status("--json");
  assert.equal(ran.code, 3);
  const { state, namespace, nodes, leader, pools, findings, components } = JSON.parse(ran.out);
  assert.deepEqual([state, namespace, nodes], ["degraded", "kube-system", 3]);
  assert.equal(leader.holder, "whereabouts-controller-0_5f");
  assert.deepEqual(pools, { count: 2, used: 3, full: ["10.0.0.4/30"], nearlyFull: [] });
  assert.deepEqual(findings, { orphan: 1 });
  assert.deepEqual(components.map(({ role }: { readonly role: string }) => role), ["agent", "controller"]);
  // the only namespace with pools is found without a flag
  const found = await ask("status", "--json");
  assert.deepEqual([JSON.parse(found.out).namespace, JSON.parse(found.out).findings], [namespace, findings]);
  assert.match(found.err, /reading namespace kube-system, which has some/);
}

async function checkRights({ kube, system, status }: Lab): Promise<void> {
  const kubeconfig = await writeKubeconfig(kube, { token: NOBODY_TOKEN });
  const asNobody = (...args: string[]) =>
    call({ openCluster }, "status", "--kubeconfig", kubeconfig, "--namespace", "kube-system", ...args);
  const resources = ["ippools", "overlappingrangeipreservations", "nodeslicepools"]
    .map((one) => `${one}.whereabouts.cni.cncf.io`).join();
  await system.kubectl("create", "role", "narrow", "--verb=list", `--resource=${resources}`);
  await system.kubectl("create", "rolebinding", "narrow", "--role=narrow", "--user=nobody");
  const narrow = await asNobody("--json");
  assert.equal(narrow.code, 3, narrow.err);
  const [pools, unknown] = ["degraded", "unknown"];
  assert.deepEqual(statesOf(narrow), { store: "ok", crds: "ok", programs: unknown, pools, findings: unknown });
  assert.match((await asNobody()).out, /^programs +unknown .*"list" on "daemonsets"/m);

  const role = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(role, blockAfter(OPERATIONS, "the role that tests/cli/status_live_test.ts binds"));
  await kube.kubectl("apply", "-f", role);
  await kube.kubectl("create", "clusterrolebinding", "reader", "--clusterrole=whereabouts-reader", "--user=nobody");
  const [mine, theirs] = [await asNobody("--json"), await status("--json")];
  assert.deepEqual(statesOf(mine), statesOf(theirs));
  assert.equal(Object.values(statesOf(mine)).includes("unknown"), false, mine.out);
}

Deno.test("status reports an installation part by part, as the operations guide shows it", async (t) => {
  await using cluster = await makeCluster();
  const lab = labOf(cluster);
  const { kube, status } = lab;

  await t.step("before the installation", async () => {
    const { code, out } = await status();
    assert.equal(code, 3);
    assert.match(out, /^store +ok +No pools in namespace kube-system of /m);
    assert.match(out, /^agent +degraded +DaemonSet not found$/m);
    assert.match(out, /^Degraded: agent, controller$/m);
  });
  await install(lab);
  await t.step("without pools it is healthy, but not in another namespace", () => checkEmpty(lab));
  await damage(lab);
  await t.step("the example of the operations guide", async () => {
    const { code, out } = await status();
    assert.equal(code, 3);
    const shown = out.replaceAll(kube.kubeconfig, "KUBECONFIG").replace(/renewed \d+ s/, "renewed 2 s");
    assert.equal(shown, blockAfter(OPERATIONS, "output of status, held by tests/cli/status_live_test.ts"));
  });
  await t.step("JSON has the same, with every pool and component", () => checkJson(lab));
  await t.step("missing rights are named, and the role of the operations guide suffices", () => checkRights(lab));
  await t.step("a leader that stopped, and a program of the original", async () => {
    await lab.renew(600_000);
    const image = "ghcr.io/k8snetworkplumbingwg/whereabouts:v0.9.2";
    await kube.kubectl("create", "deployment", "old", `--image=${image}`);
    const { out } = await status();
    assert.match(out, /^leader +degraded .*renewed \d{3} s ago/m);
    assert.match(out, new RegExp(`^original +degraded +Deployment ${kube.namespace}/old, ${image}$`, "m"));
  });
});

Deno.test("status of a store without a cluster has store, pools and findings", async () => {
  await using db = await database();
  const healthy = await run("status", "--database", db.path, "--json");
  assert.deepEqual([healthy.code, statesOf(healthy)], [0, { store: "ok", pools: "ok", findings: "ok" }]);
  const pods = `${db.path}.pods`;
  await Deno.writeTextFile(pods, "default/web-0\n");
  const { code, out } = await run("status", "--database", db.path, "--pods", pods);
  assert.equal(code, 3);
  assert.match(out, /^findings +degraded +2 orphan$/m);
  const missing = await run("status", "--database", `${db.path}.none`);
  assert.deepEqual([missing.code, missing.out], [2, ""]);
});
