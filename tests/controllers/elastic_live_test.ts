/**
 * Elastic node slices on a real API server, with the rights of the manifests: nodes call the plugin, and the controller assigns slices.
 *
 * @module
 */
import assert from "node:assert/strict";
import { findingsOf, makeCluster, type TestCluster } from "../cli/cluster.ts";
import { type Attachment, KeeperLab } from "../cni/keeper_lab.ts";
import { blockAfter } from "../documents.ts";
import { kubeconfigOf } from "../support/kube.ts";
import { eventually } from "../support/process.ts";
import { Lab } from "./live.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const IPAM = { range: "10.82.0.0/28", node_slice_size: "/30", node_slice_elastic: true };
const NODES = ["node1", "node2", "node3"];
const SLICES = ["10.82.0.0/30 node1", "10.82.0.4/30 node2", "10.82.0.8/30 node3"];

function pod(number: number): Attachment {
  return { containerId: `c${number}`, pod: `pod-${number}` };
}

/** A cluster with the manifests and the network; a node and the controller call it by their accounts. */
async function installed(cluster: TestCluster) {
  const { kube } = cluster;
  await kube.kubectl("apply", "-k", `${ROOT}install/manifests`);
  await cluster.define("net", IPAM);
  for (const node of NODES) await cluster.objects.node(node);
  const account = async (name: string) => {
    const token = (await kube.kubectl("create", "token", name, "--namespace=kube-system")).trim();
    const path = `${kube.folder}/${name}.kubeconfig`;
    await Deno.writeTextFile(path, JSON.stringify(kubeconfigOf(kube, { token }, "kube-system")));
    return path;
  };
  const shared = { ...kube, [Symbol.asyncDispose]: () => Promise.resolve() };
  const nodes = new KeeperLab(shared);
  const lab = await Lab.on(shared);
  const conf = nodes.conf({ ...IPAM, allow_persistent_ips: false }, await account("whereabouts"));
  for (let number = 1; number <= 15; number++) await nodes.pod(pod(number).pod);
  const get = async (...what: string[]) =>
    JSON.parse(await kube.kubectl("get", "--namespace=kube-system", ...what, "-o", "json"));
  const becomes = async (expected: readonly string[]) => {
    let seen: readonly string[] = [];
    await eventually("the slices", async () => {
      const { status } = await get("nodeslicepool", "net").catch(() => ({}));
      seen = (status?.allocations ?? []).map((
        { nodeName, sliceRange }: Readonly<Record<string, string>>,
      ) => `${sliceRange} ${nodeName}`);
      return JSON.stringify(seen) === JSON.stringify(expected);
    }, 60_000).catch(() => assert.deepEqual(seen, expected));
  };
  const add = async (number: number) => (await nodes.add(pod(number), "node1", conf))?.split("/")[0];
  const entriesOf = async (pool: string) => Object.keys((await get("ippool", pool)).spec.allocations);
  return { nodes, lab, conf, get, becomes, add, entriesOf, controller: await account("whereabouts-controller") };
}

/** `slices` counts the borrowed address as the operations guide shows, and `check` does not report it. */
async function assertBorrowed({ ask }: TestCluster): Promise<void> {
  const where = ["--namespace", "kube-system"];
  const { code, out } = await ask("slices", ...where);
  const example = "output of slices with node_slice_elastic, held by tests/controllers/elastic_live_test.ts";
  assert.deepEqual([code, out], [0, blockAfter("docs/OPERATIONS.md", example)]);
  const { pools: [{ nodes: [first] }] } = JSON.parse((await ask("slices", "--json", ...where)).out);
  const counts = { slices: 2, used: 6, lent: 0, borrowed: 1, free: 0, capacity: 6 };
  assert.deepEqual(first, { node: "node1", ...counts });
  assert.deepEqual(findingsOf(await ask("check", "--json", ...where)), []);
}

Deno.test("a node with the role takes slices, borrows when none is free, and loses an empty slice", async (t) => {
  await using cluster = await makeCluster();
  const { kube } = cluster;
  const { nodes, lab, conf, get, becomes, add, entriesOf, controller } = await installed(cluster);
  await using _nodes = nodes;
  await using _lab = lab;
  // ten minutes, after which an empty slice is unassigned, last ten seconds
  await using started = await lab.start({
    speed: 60,
    kubeconfig: controller,
    defaultSchedule: "5m",
  });
  await becomes([...SLICES, "10.82.0.12/30 "]);
  for (const number of [1, 2, 3]) assert.equal(await add(number), `10.82.0.${number}`);

  await t.step("without the role a pod borrows, and its DEL releases the address", async () => {
    assert.equal(await add(4), "10.82.0.4");
    assert.deepEqual(await entriesOf("node2-10.82.0.4-30"), ["0"]);
    await nodes.del(pod(4), "node1", conf);
    assert.deepEqual(await entriesOf("node2-10.82.0.4-30"), []);
  });
  await t.step("with the role a node takes the free slice", async () => {
    await kube.kubectl("apply", "-f", `${ROOT}install/manifests/elastic-rbac.yaml`);
    await eventually("the server knows the role", async () => {
      if (await add(4) === "10.82.0.12") return true;
      await nodes.del(pod(4), "node1", conf);
      return false;
    });
    await becomes([...SLICES, "10.82.0.12/30 node1"]);
    const { metadata, status } = await get("nodeslicepool", "net");
    assert.deepEqual([metadata.annotations["whereabouts.cni.cncf.io/elastic"], status.assigned, status.free], [
      "true",
      4,
      0,
    ]);
    for (const number of [5, 6]) assert.equal(await add(number), `10.82.0.${number + 8}`);
  });
  await t.step("a repeated ADD and CHECK find the borrowed address, and slices counts it", async () => {
    const first = await nodes.call("ADD", conf, pod(7), "node1");
    assert.equal(first.ip, "10.82.0.4/28");
    assert.equal(await add(7), "10.82.0.4");
    const checked = await nodes.call("CHECK", conf, { ...pod(7), prevResult: first.prevResult }, "node1");
    assert.equal(checked.code, undefined, checked.msg);
    await assertBorrowed(cluster);
  });
  await t.step("a full range names what was tried", async () => {
    for (let number = 8; number <= 14; number++) await add(number);
    const { code, msg = "" } = await nodes.call("ADD", conf, pod(15), "node1");
    assert.equal(code, 100);
    assert.match(
      msg,
      /node "node1" has no free address in its slices of NodeSlicePool net \(10\.82\.0\.0\/30, 10\.82\.0\.12\/30\)/,
    );
    assert.match(
      msg,
      /it takes no further one: none is free; it borrows none: no slice of another node has a free address/,
    );
  });
  await t.step("the controller unassigns the slice once it is empty, and closes its pool", async () => {
    for (let number = 4; number <= 14; number++) await nodes.del(pod(number), "node1", conf);
    await becomes([...SLICES, "10.82.0.12/30 "]);
    const { spec } = await get("ippool", "node1-10.82.0.12-30");
    assert((spec.opened ?? 0) <= spec.closed, JSON.stringify(spec));
    assert.match(started.controller.metrics.text(), /^whereabouts_node_slices_unassigned_total [1-9]$/m);
    assert.equal(await add(4), "10.82.0.12"); // the node takes it again, and opens the pool
  });
});
