import assert from "node:assert/strict";
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { put, writeKubeconfig } from "../drivers/kubernetes/live.ts";
import { makeKube, NOBODY_TOKEN } from "../support/kube.ts";
import { Objects } from "../support/objects.ts";
import { call } from "./lab.ts";

/** A namespace with pods, and commands on its cluster. */
async function makeLab() {
  const kube = await makeKube();
  const objects = new Objects(kube);
  await objects.installAttachments();
  // check reads the pods of other tests, too, so these ranges are used by no other test
  const ask = (...args: string[]) => call({ openCluster }, ...args, "--kubeconfig", kube.kubeconfig);
  const exit = { code: 0 };
  const check = async () => {
    const { code, out, err } = await ask("check", "--json");
    assert.equal(err, "");
    exit.code = code;
    const { findings } = JSON.parse(out);
    return findings.map(({ kind, address, pool }: Record<string, string>) => `${kind} ${address || pool}`).sort();
  };
  const entry = (pod: string, id: string) => ({ id, podref: objects.ref(pod), ifname: "net1" });
  const reservation = (pod: string) => ({ podref: objects.ref(pod), ifname: "net1" });
  return {
    kube,
    objects,
    ask,
    check,
    exit,
    entry,
    reservation,
    [Symbol.asyncDispose]: async () => {
      await objects.clean();
      objects[Symbol.dispose]();
      await kube[Symbol.asyncDispose]();
    },
  };
}

Deno.test("check distinguishes leaks, conflicts and invalid records by its exit code", async () => {
  await using lab = await makeLab();
  const { kube, objects, check, exit, entry, reservation } = lab;
  await objects.pod("web", { ips: ["172.27.5.1"] });
  await put(kube, "IPPool", "172.27.5.0-24", { range: "172.27.5.0/24", allocations: { "1": entry("web", "c1") } });
  await put(kube, "OverlappingRangeIPReservation", "172.27.5.1", reservation("web"));
  assert.deepEqual([await check(), exit.code], [[], 0]);

  await put(kube, "IPPool", "172.27.6.0-24", { range: "172.27.6.0/24", allocations: { "2": entry("gone", "c2") } });
  await put(kube, "OverlappingRangeIPReservation", "172.27.6.9", reservation("gone"));
  assert.deepEqual([await check(), exit.code], [["orphan 172.27.6.2", "reservation-without-entry 172.27.6.9"], 3]);

  await objects.pod("db", { ips: ["172.27.5.7"] });
  assert.deepEqual([await check(), exit.code], [
    ["orphan 172.27.6.2", "pod-address-unallocated 172.27.5.7", "reservation-without-entry 172.27.6.9"],
    4,
  ]);

  // an address of another plugin's network proves nothing; the network of these pods has no definition
  await objects.attachment("foreign", {
    cniVersion: "1.0.0",
    name: "foreign",
    type: "bridge",
    ipam: { type: "host-local" },
  });
  await objects.pod("else", { ips: ["172.27.5.8"], network: objects.ref("foreign") });
  assert.equal((await check()).some((text: string) => text.includes("172.27.5.8")), false);

  await put(kube, "IPPool", "172.27.7.0-24", { range: "172.27.8.0/24", allocations: {} });
  await put(kube, "OverlappingRangeIPReservation", "nonsense", reservation("web"));
  const unreadable = (await check()).filter((text: string) => text.startsWith("unreadable"));
  assert.deepEqual([unreadable, exit.code], [
    ["unreadable IPPool 172.27.7.0-24", "unreadable OverlappingRangeIPReservation nonsense"],
    5,
  ]);
});

Deno.test("check lists addresses that are kept for lack of evidence, with their age, apart from findings", async () => {
  await using lab = await makeLab();
  const { kube, objects, ask, entry } = lab;
  const startTime = new Date(Date.now() - 3 * 3_600_000).toISOString();
  await objects.pod("silent");
  await objects.status("silent", { startTime });
  await put(kube, "IPPool", "172.27.9.0-24", { range: "172.27.9.0/24", allocations: { "1": entry("silent", "c1") } });
  const { code, out } = await ask("check");
  assert.equal(code, 0, out);
  assert.match(out, /^Consistent: 1 pool, 1 allocation/);
  assert.match(
    out,
    /172\.27\.9\.1 +172\.27\.9\.0\/24 +\S+\/silent +3h +the network-status of the pod has no addresses of net1/,
  );
  const { findings, unconfirmed } = JSON.parse((await ask("check", "--json")).out);
  assert.deepEqual([findings.length, unconfirmed.length, unconfirmed[0].address], [0, 1, "172.27.9.1"]);
  assert.equal(Date.parse(unconfirmed[0].since), Math.floor(Date.parse(startTime) / 1_000) * 1_000);
});

Deno.test("check reports a network without reservations whose range overlaps that of one with reservations", async () => {
  await using lab = await makeLab();
  const { kube, objects, check, exit } = lab;
  await put(kube, "IPPool", "172.27.10.0-26", { range: "172.27.10.0/26", allocations: {} });
  const define = (name: string, ipam: Record<string, unknown>) => {
    const whole = {
      type: "whereabouts",
      datastore: "kubernetes",
      network_name: objects.ref("x").replace(/\/.*/, ""),
      ...ipam,
    };
    return objects.attachment(name, { cniVersion: "1.0.0", name, type: "macvlan", ipam: whole });
  };
  const own = async () => (await check()).filter((text: string) => text.includes(objects.ref("")));
  await define("off", { range: "172.27.10.0/25", enable_overlapping_ranges: false });
  assert.deepEqual(await own(), []);
  await define("on", { range: "172.27.10.0/24" });
  assert.deepEqual([await own(), exit.code], [[`overlapping-ranges-off ${objects.ref("off")}`], 4]);
});

Deno.test("check skips node slices without the right to list them, or without their CRD", async () => {
  await using lab = await makeLab();
  const { kube, entry } = lab;
  await put(kube, "IPPool", "172.27.5.0-24", { range: "172.27.5.0/24", allocations: { "1": entry("web", "c1") } });
  const resources = "ippools.whereabouts.cni.cncf.io,overlappingrangeipreservations.whereabouts.cni.cncf.io";
  await kube.kubectl("create", "role", "reader", "--verb=list", `--resource=${resources}`);
  await kube.kubectl("create", "rolebinding", "reader", "--role=reader", "--user=nobody");
  const kubeconfig = await writeKubeconfig(kube, { token: NOBODY_TOKEN });
  const pods = await Deno.makeTempFile();
  await Deno.writeTextFile(pods, `${kube.namespace}/web\n`);
  const { code, out, err } = await call({}, "check", "--kubeconfig", kubeconfig, "--pods", pods);
  assert.deepEqual([code, err], [0, ""], out);
  await Deno.writeTextFile(pods, "none\n");
  assert.equal((await call({}, "check", "--kubeconfig", kubeconfig, "--pods", pods)).code, 3);
});

Deno.test("check reports slices that overlap, are outside of their range or have no node, and nodes without a slice", async () => {
  await using lab = await makeLab();
  const { kube, objects, ask } = lab;
  const [one, two] = [`a-${kube.namespace}`, `b-${kube.namespace}`];
  await objects.node(one);
  await objects.node(two);
  try {
    const allocations = [
      { nodeName: one, sliceRange: "172.27.5.0/25" },
      { nodeName: "nowhere", sliceRange: "172.27.5.64/26" },
      { nodeName: "", sliceRange: "172.27.5.128/26" },
      { nodeName: one, sliceRange: "172.27.9.0/26" },
    ];
    const file = await Deno.makeTempFile({ suffix: ".json" });
    const object = {
      apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
      kind: "NodeSlicePool",
      metadata: { name: "net" },
      spec: { range: "172.27.5.0/24", sliceSize: "/26" },
      status: { allocations },
    };
    await Deno.writeTextFile(file, JSON.stringify(object));
    await kube.kubectl("create", "-f", file);
    const { code, out } = await ask("check");
    assert.equal(code, 4);
    assert.match(
      out,
      /^slices-overlap: 1 \(conflict\)\n {2}net\n.*172\.27\.5\.0\/25 of node a-.*172\.27\.5\.64\/26 of node nowhere/m,
    );
    assert.match(out, /^slice-outside-range: [^]*172\.27\.9\.0\/26/m);
    assert.match(out, /^slice-without-node: [^]*node nowhere/m);
    assert.match(out, new RegExp(`^node-without-slice: [^]*Node ${two} has no slice of net`, "m"));
    assert.match(out, new RegExp(`Next: kubectl get nodeslicepool net -o yaml --namespace ${kube.namespace} `));
    assert.doesNotMatch(out, new RegExp(`Node ${one} has no slice`));
    const where = `in namespace ${kube.namespace} of the cluster of `;
    assert.match(out, new RegExp(`findings? in 0 pools, 0 allocations, \\d+ pods? ${where}`));
  } finally {
    await objects.deleteNode(one);
    await objects.deleteNode(two);
  }
});

Deno.test("show draws the addresses of a network by state, and release releases a reservation without entry", async () => {
  await using lab = await makeLab();
  const { kube, objects, ask, entry, reservation } = lab;
  const ipam = { type: "whereabouts", range: "172.27.5.0/28", range_end: "172.27.5.9", exclude: ["172.27.5.4/31"] };
  await objects.attachment("net", { cniVersion: "1.0.0", name: "net", type: "macvlan", ipam });
  await put(kube, "IPPool", "172.27.5.0-28", { range: "172.27.5.0/28", allocations: { "2": entry("web", "c1") } });
  await put(kube, "OverlappingRangeIPReservation", "172.27.5.2", reservation("web"));
  await put(kube, "OverlappingRangeIPReservation", "172.27.5.3", reservation("other"));
  const map = await ask("show", "--map");
  assert.match(map.out, /^ {2}172\.27\.5\.0 +-·!\+--····-{6}$/m);
  const list = await ask("show");
  assert.match(list.out, /^172\.27\.5\.0\/28 +1 +6 +7 +14 %$/m);
  const released = await ask("release", "172.27.5.3", "--yes");
  assert.match(
    released.out,
    new RegExp(`^172\\.27\\.5\\.3 +reservation +${objects.ref("other")} \\(net1\\) +released$`, "m"),
  );
  assert.equal((await ask("who-has", "172.27.5.3")).code, 1);
  assert.equal(
    (await ask("show", "-n", "nowhere")).out.startsWith("No pools in namespace nowhere of the cluster of "),
    true,
  );
});
