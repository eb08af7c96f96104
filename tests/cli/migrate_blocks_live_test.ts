/**
 * The refusals of `migrate blocks` beside the original, each by itself, on a real API server; and the definitions that it lists.
 *
 * @module
 */
import assert from "node:assert/strict";
import { put } from "../drivers/kubernetes/live.ts";
import { makeCluster, type TestCluster } from "./cluster.ts";

const POOL = "10.86.0.0-28";
const CALL = ["migrate", "blocks", "10.86.0.0/28", "--size", "/30"];
/** Of a workload of the original (doc/crds/daemonset-install.yaml of its release). */
const SPEC = {
  containers: [{
    name: "whereabouts",
    image: "ghcr.io/k8snetworkplumbingwg/whereabouts:v0.9.4",
    command: ["/bin/sh", "-c", "/install-cni.sh & /ip-control-loop -log-level debug"],
  }],
};

/** Writes an object of any kind. Disposing it deletes the object. */
async function object({ kube }: TestCluster, body: Readonly<Record<string, unknown>>): Promise<AsyncDisposable> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(file, JSON.stringify(body));
  await kube.kubectl("create", "-f", file);
  return {
    [Symbol.asyncDispose]: async () => {
      await kube.kubectl("delete", "-f", file, "--grace-period=0", "--force");
      await Deno.remove(file);
    },
  };
}

function daemonSet(): Readonly<Record<string, unknown>> {
  const labels = { name: "whereabouts" };
  const spec = { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: SPEC } };
  return { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "whereabouts" }, spec };
}

/** The Lease that an ADD of the original takes, renewed so many seconds ago. */
function lease(seconds: number): Readonly<Record<string, unknown>> {
  const renewTime = new Date(Date.now() - seconds * 1_000).toISOString().replace("Z", "000Z");
  const spec = { holderIdentity: "node1/a-pod", leaseDurationSeconds: 1, renewTime, acquireTime: renewTime };
  return { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "whereabouts" }, spec };
}

/** An entry as the original writes it. */
function entry(pod: string): Readonly<Record<string, string>> {
  return { id: `c-${pod}`, podref: `default/${pod}`, ifname: "net1" };
}

/** Asserts that the command refuses with this message, whole, and moves nothing. */
async function assertRefused(cluster: TestCluster, why: string | RegExp, ...flags: readonly string[]): Promise<void> {
  const { code, out, err } = await cluster.ask(...CALL, ...flags);
  assert.deepEqual([code, out], [1, ""]);
  if (typeof why === "string") assert.equal(err.trim(), `whereabouts migrate: Cannot migrate to blocks: ${why}`);
  else assert.match(err.trim(), why);
  const pools = await cluster.kube.kubectl("get", "ippools", "-o", "name");
  assert.equal(pools.trim(), `ippool.whereabouts.cni.cncf.io/${POOL}`);
}

Deno.test("migrate blocks refuses while the original runs, or may have run, and lists the definitions to change", async (t) => {
  await using cluster = await makeCluster();
  const { kube, objects, define, ask } = cluster;
  const inNamespace = (name: string) => `${kube.namespace}/${name}`;
  await define("net-b", { range: "10.86.0.0/28" });
  await define("net-a", { range: "10.86.0.0/28", enable_overlapping_ranges: false });
  await define("on-the-grid", { range: "10.86.0.0/28", block_size: "/30" });
  await define("elsewhere", { range: "10.87.0.0/28" });
  await put(kube, "IPPool", POOL, { range: "10.86.0.0/28", allocations: { "1": entry("a"), "6": entry("b") } });
  const runs = (what: string) =>
    `${what} runs the original, whose plugins know no blocks; replace it on all nodes, and delete it (docs/MIGRATION.md)`;

  await t.step("its DaemonSet, also with --yes", async () => {
    await using _ = await object(cluster, daemonSet());
    await assertRefused(cluster, runs(`DaemonSet ${inNamespace("whereabouts")}`));
    await assertRefused(cluster, runs(`DaemonSet ${inNamespace("whereabouts")}`), "--yes");
  });
  await t.step("a pod of it that no workload has, also with --yes", async () => {
    await objects.pod("left", { spec: SPEC });
    await assertRefused(cluster, runs(`Pod ${inNamespace("left")}`), "--yes");
    await objects.deletePod("left");
  });
  await t.step("a Lease that its plugin renewed within ten minutes", async () => {
    await using _ = await object(cluster, lease(540));
    const place = inNamespace("whereabouts");
    await assertRefused(
      cluster,
      new RegExp(
        `^whereabouts migrate: Cannot migrate to blocks: an ADD of the original renewed Lease ${place} 5[4-9]\\d s ago; ` +
          "if all nodes run this release, wait for 10 minutes, or repeat the command with --yes$",
      ),
    );
  });
  const wrote = "neither a node nor a pod uid, so the original, or an older release, wrote them; " +
    "if all nodes run this release by now, repeat the command with --yes";
  await t.step("its entries, whose Lease is old", async () => {
    await using _ = await object(cluster, lease(660));
    await assertRefused(cluster, `2 entries have ${wrote}`);
    const path = '--patch=[{"op":"add","path":"/spec/allocations/1/sandbox","value":"n1/u1/c-a"}]';
    await kube.kubectl("patch", "ippool", POOL, "--type=json", path);
    await assertRefused(cluster, `1 entry has ${wrote}`, "--dry-run");
  });
  await t.step("--yes confirms that Lease and entries are old, and the result names the definitions", async () => {
    await using _ = await object(cluster, lease(1));
    const { code, out, err } = await ask(...CALL, "--yes");
    assert.deepEqual([code, err.trim()], [0, ""]);
    const [, row = "", ...text] = out.trim().split("\n");
    assert.deepEqual(row.split(/\s{2,}/), ["pool 10.86.0.0/28", "/30", "2", "2", "0", "migrated"]);
    assert.deepEqual(text, [
      `Now set block_size /30 in the definitions of ${inNamespace("net-a")}, ${inNamespace("net-b")}`,
    ]);
  });
  await t.step("--back moves the entries to the pool, and names the definitions that have blocks", async () => {
    const { code, out, err } = await ask("migrate", "blocks", "--back", "10.86.0.0/28", "--yes");
    assert.deepEqual([code, err.trim()], [0, ""]);
    const [, row = "", ...text] = out.trim().split("\n");
    assert.deepEqual(row.split(/\s{2,}/), [
      "blocks /30 of 10.86.0.0/28",
      "pool 10.86.0.0/28",
      "2",
      "2",
      "0",
      "migrated",
    ]);
    assert.deepEqual(text, [`Now remove block_size from the definitions of ${inNamespace("on-the-grid")}`]);
    const { spec } = JSON.parse(await kube.kubectl("get", "ippool", POOL, "-o", "json"));
    assert.deepEqual(Object.keys(spec.allocations), ["1", "6"]);
  });
});
