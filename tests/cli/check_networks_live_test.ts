import assert from "node:assert/strict";
import { put } from "../drivers/kubernetes/live.ts";
import { findingsOf, makeCluster, type TestCluster } from "./cluster.ts";

type Refused = readonly [
  name: string,
  ipam: Record<string, unknown>,
  why: RegExp,
  more?: Record<string, unknown>,
];

const REFUSED: readonly Refused[] = [
  ["secondary-v6", { range: "2001:db8:secondary::/64" }, /ipam\.range.*2001:db8:secondary::\/64/],
  ["bad-start", { range: "10.64.0.0/24", range_start: "10.64.0.1O" }, /range_start.*10\.64\.0\.1O/],
  ["typo", { rnge: "10.80.0.0/29" }, /ipam\.rnge: did you mean range\?/],
  ["host-local", { subnet: "10.80.0.0/29" }, /ipam\.subnet is a field of host-local, here it is range/],
  ["future", { range: "10.80.0.0/29" }, /cniVersion "9\.9\.9".*1\.1\.0/, { cniVersion: "9.9.9" }],
  ["odd-name", { range: "10.80.0.0/29" }, /name "a b"/, { name: "a b" }],
  ["slices", { range: "10.80.0.0/29", node_slice_size: "/24" }, /10\.80\.0\.0\/29.*node_slice_size "\/24"/],
  ["foreign-store", { range: "10.80.0.0/29", datastore: "redis" }, /datastore "redis"/],
  ["static", { range: "10.80.0.0/29", addresses: [{ address: "10.80.0.2/29" }] }, /ipam\.addresses.*10\.80\.0\.2/],
];

Deno.test("check lists networks that the plugin refuses, with the field and the command to correct it", async () => {
  await using cluster = await makeCluster();
  const { kube, objects, ask, define } = cluster;
  for (const [name, ipam, , more] of REFUSED) await define(name, ipam, more);
  await objects.attachment("nonsense", "{");
  await define("fine", { range: "10.81.0.0/24" });
  const json = await ask("check", "--json");
  assert.equal(json.code, 5, json.err);
  const found = new Map(findingsOf(json).map(({ pool, kind, message }) => [pool, { kind, message }]));
  const names = [...REFUSED.map(([name]) => name), "nonsense"];
  assert.deepEqual([...found.keys()].sort(), names.map((name) => objects.ref(name)).sort());
  for (const [name, , why] of REFUSED) {
    const { kind, message = "" } = found.get(objects.ref(name)) ?? {};
    assert.equal(kind, "unusable-network");
    assert.match(message, why, name);
    assert(message.endsWith(`kubectl -n ${kube.namespace} edit network-attachment-definition ${name}`), message);
  }
  const text = await ask("check");
  const wide = await ask("check", "-o", "wide");
  assert.match(wide.out, new RegExp(`^unusable-network +- +${objects.ref("typo")} .*Missing ipam\\.range`, "m"));
  assert.match(text.out, new RegExp(`^ {2}${objects.ref("typo")}\n +Missing ipam\\.range`, "m"));
  assert.match(text.out, /^unusable-network: \d+ in [^]*^ {2}Correct the field/m);
});

Deno.test("check warns about ignored fields, and paths that nodes refuse", async () => {
  await using cluster = await makeCluster();
  const { objects, ask, define } = cluster;
  await define("camel", { range: "10.82.0.0/24", rangeStart: "10.82.0.9" });
  await define("elsewhere", { range: "10.82.0.0/24", kubernetes: { kubeconfig: "/tmp/kubeconfig" } });
  const { code, out } = await ask("check");
  assert.equal(code, 0, out);
  assert.match(out, new RegExp(`^${objects.ref("camel")} +.*ipam\\.rangeStart.*range_start`, "m"));
  assert.match(out, new RegExp(`^${objects.ref("elsewhere")} +.*/tmp/kubeconfig`, "m"));
  const { networkWarnings } = JSON.parse((await ask("check", "--json")).out);
  assert.deepEqual(networkWarnings.map(({ network }: { network: string }) => network).sort(), [
    objects.ref("camel"),
    objects.ref("elsewhere"),
  ]);
});

const OFF = { enable_overlapping_ranges: false };
const WIDE = { range: "192.168.4.0/24" };

/** Valid networks, each with a pod: a range listed twice, ranges that overlap intentionally, a static address in a range. */
async function validOddities({ kube, objects, define }: TestCluster) {
  const bounds = ["192.168.0.133", "192.168.0.135"];
  const ranges = bounds.map((one) => ({ range: "192.168.0.128/25", range_start: one, range_end: one }));
  await define("vip", { ipRanges: ranges });
  await define("narrow", { range: "192.168.4.0/25", ...OFF });
  await define("wide", { ...WIDE, ...OFF });
  await define("fixed", { addresses: [{ address: "192.168.0.140/25" }] });
  const owner = (pod: string) => ({ id: `c-${pod}`, podref: objects.ref(pod), ifname: "net1" });
  const pool = (range: string, allocations: unknown) =>
    put(kube, "IPPool", range.replace("/", "-"), { range, allocations });
  const reserve = (address: string, pod: string) =>
    put(kube, "OverlappingRangeIPReservation", address, { podref: objects.ref(pod), ifname: "net1" });
  await pool("192.168.0.128/25", { "5": owner("vip"), "7": owner("vip") });
  await pool("192.168.4.0/25", { "1": owner("a") });
  await pool("192.168.4.0/24", { "1": owner("b") });
  for (const address of bounds) await reserve(address, "vip");
  const pods = { vip: ["vip", ...bounds], a: ["narrow", "192.168.4.1"], b: ["wide", "192.168.4.1"] };
  for (const [pod, [network = "", ...ips]] of Object.entries({ ...pods, fixed: ["fixed", "192.168.0.140"] })) {
    await objects.pod(pod, { ips, network: objects.ref(network) });
  }
  return { owner, reserve };
}

Deno.test("check reports no valid configuration as a conflict, and still reports real findings", async () => {
  await using cluster = await makeCluster();
  const { kube, objects, ask, define } = cluster;
  const { owner, reserve } = await validOddities(cluster);
  const { code, out } = await ask("check");
  assert.match(out, /^Consistent: 3 pools, 4 allocations/);
  assert.equal(code, 0);

  await define("wide", { ...WIDE, enable_overlapping_ranges: true });
  await reserve("192.168.4.1", "b");
  const conflict = await ask("check", "--json");
  assert.deepEqual(findingsOf(conflict).map(({ kind, address, pool }) => [kind, address || pool]), [
    ["duplicate", "192.168.4.1"],
    ["overlapping-ranges-off", objects.ref("narrow")],
  ]);
  assert.equal(conflict.code, 4);
  await define("wide", { ...WIDE, ...OFF });

  const third = [{ op: "add", path: "/spec/allocations/8", value: owner("vip") }];
  await kube.kubectl("patch", "ippool", "192.168.0.128-25", "--type=json", "-p", JSON.stringify(third));
  await reserve("192.168.0.136", "vip");
  const surplus = await ask("check", "--json");
  const found = findingsOf(surplus).map(({ kind, address }) => `${kind} ${address}`).sort();
  assert.deepEqual([found, surplus.code], [["orphan 192.168.0.136", "same-interface-twice 192.168.0.136"], 3]);
  assert.match(surplus.out, /vip \(net1\) has 3 addresses of 192\.168\.0\.128\/25, of which its network has 2 ranges/);
});
