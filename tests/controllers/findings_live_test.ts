import assert from "node:assert/strict";
import { makeCluster, type TestCluster } from "../cli/cluster.ts";
import { KINDS } from "../../src/pool/finding.ts";
import { put } from "../drivers/kubernetes/live.ts";
import { applyIpamClaims, createClaim } from "../support/ipam_claims.ts";
import { eventually } from "../support/process.ts";
import { FaultProxy } from "../support/proxy.ts";
import { Lab, type LiveController } from "./live.ts";

/** Kinds of findings, each with the objects of its events. */
const EXPECTED: readonly (readonly [kind: string, reason: string, objects: readonly string[]])[] = [
  ["orphan", "OrphanedIPAddress", ["ippool/10.91.1.0-24"]],
  ["keeper-gone", "KeeperGone", ["ippool/10.91.1.0-24"]],
  ["claim-status-differs", "ClaimStatusDiffers", ["ipamclaim/vm1"]],
  ["persistent-beside-original", "PersistentBesideOriginal", ["network-attachment-definition/persistent"]],
  ["blocks-beside-original", "BlocksBesideOriginal", ["network-attachment-definition/grid"]],
  ["block-layouts-differ", "BlockLayoutsDiffer", ["network-attachment-definition/no-grid"]],
  ["unfinished-move", "UnfinishedMove", ["ippool/10.95.0.0-24"]],
  ["unowned", "UnownedIPAddress", ["ippool/10.91.0.0-24"]],
  ["outside-range", "IPAddressOutsideRange", ["ippool/10.91.0.0-24"]],
  ["same-interface-twice", "SurplusIPAddress", ["pod/twice"]],
  ["duplicate", "DuplicateIPAddress", ["pod/wide", "pod/narrow"]],
  ["pod-address-of-another", "DuplicateIPAddress", ["pod/guest", "pod/host"]],
  ["pod-address-unallocated", "UnallocatedIPAddress", ["pod/lost"]],
  ["entry-without-reservation", "MissingIPReservation", ["pod/unreserved"]],
  ["reservation-without-entry", "StrayIPReservation", ["overlappingrangeipreservation/10.92.0.9"]],
  ["reservation-of-another", "ConflictingIPReservation", ["overlappingrangeipreservation/10.91.0.20"]],
  ["overlapping-ranges-off", "OverlappingRangesOff", ["network-attachment-definition/off"]],
  ["reuse-settings-differ", "ReuseSettingsDiffer", ["network-attachment-definition/rests"]],
  ["unusable-network", "InvalidConfiguration", ["network-attachment-definition/typo"]],
  ["unreadable", "UnreadableObject", ["ippool/10.91.7.0-24"]],
  ["slices-refused", "SlicesRefused", ["nodeslicepool/by-hand"]],
  ["slices-not-elastic", "SlicesNotElastic", ["nodeslicepool/by-hand"]],
  ["slices-overlap", "OverlappingNodeSlices", ["nodeslicepool/by-hand"]],
  ["slice-outside-range", "NodeSliceOutsideRange", ["nodeslicepool/by-hand"]],
  ["slice-without-node", "StaleNodeSlice", ["nodeslicepool/by-hand"]],
  ["node-without-slice", "MissingNodeSlice", ["nodeslicepool/by-hand"]],
];

/** Networks, pods and nodes of a cluster with every kind of finding. */
async function everythingWrong({ kube, objects, define }: TestCluster): Promise<void> {
  await define("net", { range: "10.91.0.0/24" });
  await define("gone", { range: "10.91.1.0/24" });
  await define("wide", { range: "10.91.4.0/24" });
  await define("narrow", { range: "10.91.4.0/25" });
  await define("off", { range: "10.91.4.0/26", enable_overlapping_ranges: false });
  await define("lowest", { range: "10.91.6.0/24" });
  await define("rests", { range: "10.91.6.0/24", reuse_after: "60s" });
  await define("grid", { range: "10.94.0.0/16", block_size: "/24" });
  await define("no-grid", { range: "10.94.0.0/20" });
  await define("typo", { rnge: "10.91.9.0/24" });
  await objects.node("node-a");
  await objects.node("node-b");
  const entry = (pod: string) => ({ id: `c-${pod}`, podref: objects.ref(pod), ifname: "net1" });
  const pool = (range: string, allocations: unknown, name = range.replace("/", "-")) =>
    put(kube, "IPPool", name, { range, allocations });
  await pool("10.91.0.0/24", {
    "1": entry("twice"),
    "2": entry("twice"),
    "3": { id: "c-nobody" },
    "5": entry("host"),
    "6": entry("unreserved"),
    "20": entry("right"),
    "300": entry("far"),
  });
  const kept = (claim: string, uid: string) => ({
    id: "",
    podref: objects.ref("launcher"),
    ifname: "net1",
    keeper: `IPAMClaim/${claim}/${uid}`,
  });
  await pool("10.91.1.0/24", { "1": entry("missing"), "2": kept("none", "0b0c0d0e-0000-4000-8000-000000000001") });
  await pool("10.91.5.0/24", { "1": kept("vm1", await claimOfAnotherAddress(kube)) });
  await define("persistent", {
    range: "10.91.5.0/24",
    allow_persistent_ips: true,
  });
  const image = "ghcr.io/k8snetworkplumbingwg/whereabouts:v0.9.4";
  await objects.pod("original", { spec: { containers: [{ name: "main", image, command: ["/ip-control-loop"] }] } });
  await pool("10.91.4.0/24", { "1": entry("wide") });
  await pool("10.91.4.0/25", { "1": entry("narrow") });
  await pool("10.91.8.0/24", {}, "10.91.7.0-24");
  await pool("10.95.0.0/24", {});
  await kube.kubectl("annotate", "ippool", "10.95.0.0-24", "whereabouts.cni.cncf.io/move=moving 10.95.0.0/23");
  const reserved = { "10.91.0.1": "twice", "10.91.0.2": "twice", "10.91.0.5": "host", "10.91.1.1": "missing" };
  const wrong = { "10.91.4.1": "wide", "10.92.0.9": "stray", "10.91.0.20": "claimant", "10.91.1.44": "far" };
  for (const [address, pod] of Object.entries({ ...reserved, ...wrong })) {
    await put(kube, "OverlappingRangeIPReservation", address, { podref: objects.ref(pod), ifname: "net1" });
  }
  const pods = { twice: ["10.91.0.1", "10.91.0.2"], host: ["10.91.0.5"], guest: ["10.91.0.5"], lost: ["10.91.0.7"] };
  const more = { unreserved: ["10.91.0.6"], stray: ["10.92.0.9"], right: ["10.91.0.20"], claimant: ["10.91.0.20"] };
  for (const [pod, ips] of Object.entries({ ...pods, ...more, far: ["10.91.1.44"] })) {
    await objects.pod(pod, { ips, network: objects.ref("net") });
  }
  for (const pod of ["wide", "narrow"]) await objects.pod(pod, { ips: ["10.91.4.1"], network: objects.ref(pod) });
  await putSlices(kube);
}

/** An IPAMClaim whose status has another address than the records. @returns its uid */
async function claimOfAnotherAddress(kube: TestCluster["kube"]): Promise<string> {
  await applyIpamClaims(kube);
  const uid = await createClaim(kube, "vm1");
  const patch = JSON.stringify({ status: { ips: ["10.91.5.9/24"] } });
  await kube.kubectl("patch", "ipamclaim", "vm1", "--subresource=status", "--type=merge", "-p", patch);
  return uid;
}

/** A NodeSlicePool that no controller assigned. */
async function putSlices(kube: TestCluster["kube"]): Promise<void> {
  const slices = { "node-a": "10.93.0.0/25", "node-c": "10.93.0.64/26", "node-d": "10.99.0.0/26" };
  const allocations = Object.entries(slices).map(([nodeName, sliceRange]) => ({ nodeName, sliceRange }));
  const file = await Deno.makeTempFile({ suffix: ".json" });
  const annotations = {
    "whereabouts.cni.cncf.io/refused": "Another network has the range",
    "whereabouts.cni.cncf.io/elastic": "The original runs",
  };
  const object = {
    apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
    kind: "NodeSlicePool",
    metadata: { name: "by-hand", annotations },
    spec: { range: "10.93.0.0/24", sliceSize: "/26" },
    status: { allocations },
  };
  await Deno.writeTextFile(file, JSON.stringify(object));
  await kube.kubectl("create", "-f", file);
}

function countOf({ controller }: LiveController, kind: string): number {
  const line = controller.metrics.text().split("\n").find((one) =>
    one.startsWith(`whereabouts_findings{kind="${kind}",`)
  );
  return Number(line?.split(" ").at(-1));
}

Deno.test("Controller reports every kind of finding as a metric, an event that kubectl describe shows, and one log line", async () => {
  assert.deepEqual(EXPECTED.map(([kind]) => kind).sort(), Object.keys(KINDS).sort());
  await using cluster = await makeCluster();
  const { kube, objects } = cluster;
  await everythingWrong(cluster);
  await using proxy = await FaultProxy.start(kube);
  proxy.plan = ({ what, url }) => {
    if (what.startsWith("PATCH") && url.includes("/ipamclaims/")) return { status: 403 };
    if (what === "PATCH ippools" && url.includes("10.91.1.0-24")) return { status: 403 };
    return what === "POST overlappingrangeipreservations" && !url.includes("dryRun") ? { status: 403 } : "pass";
  };
  await using lab = await Lab.on({ ...kube, [Symbol.asyncDispose]: () => Promise.resolve() });
  await using running = await lab.start({ speed: 20, defaultSchedule: "10s", kubeconfig: await proxy.kubeconfig() });
  for (const [kind] of EXPECTED) {
    await eventually(`the metric of ${kind}`, () => Promise.resolve(countOf(running, kind) >= 1));
  }
  for (const [kind, reason, described] of EXPECTED) {
    for (const object of described) {
      const shows = async () => new RegExp(`Warning +${reason} `).test(await kube.kubectl("describe", object));
      await eventually(`${reason} in kubectl describe ${object} (${kind})`, shows);
    }
    const lines = running.world.lines.filter((line) => line.includes(` reason=${reason} `));
    const subjects = lines.map((line) => / object=(\S+|"[^"]+")/.exec(line)?.[1]);
    assert(lines.length > 0, `no line of ${reason}`);
    assert.equal(new Set(subjects).size, lines.length, `more than one line for an object:\n${lines.join("\n")}`);
  }
  const { items } = JSON.parse(await kube.kubectl("get", "events", "-o", "json"));
  const warnings = items.filter(({ type }: { type: string }) => type === "Warning");
  const marks = warnings.map((one: { reason: string; involvedObject: { uid: string } }) =>
    `${one.reason} ${one.involvedObject.uid}`
  );
  assert.equal(
    new Set(marks).size,
    marks.length,
    "one event for each object and reason, however many sweeps there were",
  );
  await objects.deleteAttachment("typo");
  await eventually("the metric falls", () => Promise.resolve(countOf(running, "unusable-network") === 0));
});
