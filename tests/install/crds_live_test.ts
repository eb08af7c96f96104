/**
 * The custom resource definitions accept every object that a release of the original stores, and refuse invalid ones.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Kube, makeKube } from "../support/kube.ts";

const API = "whereabouts.cni.cncf.io/v1alpha1";

type Kind = "IPPool" | "OverlappingRangeIPReservation" | "NodeSlicePool";

interface Stored {
  readonly kind: Kind;
  readonly name: string;
  readonly spec?: unknown;
  readonly status?: unknown;
}

const pool = (name: string, range: string, allocations: unknown): Stored => ({
  kind: "IPPool",
  name,
  spec: { range, allocations },
});
const reservation = (name: string, spec: unknown): Stored => ({ kind: "OverlappingRangeIPReservation", name, spec });
const slices = (name: string, range: string, sliceSize: string, allocations?: unknown): Stored => ({
  kind: "NodeSlicePool",
  name,
  spec: { range, sliceSize },
  ...(allocations !== undefined && { status: { allocations } }),
});

const ID = "9f1c5f3e8f6b4f1ea7f3b1f0d7c2a4459f1c5f3e8f6b4f1ea7f3b1f0d7c2a445";

/** Objects as releases of the original store them, by release or case. */
const ORIGINALS: Readonly<Record<string, Stored>> = {
  "a pool nothing was given of": pool("10.10.0.0-16", "10.10.0.0/16", {}),
  "a pool of today": pool("10.11.0.0-30", "10.11.0.0/30", {
    1: { id: ID, podref: "default/web-0", ifname: "net1" },
    2: { id: ID, podref: "default/web-0", ifname: "net2" },
  }),
  "entries from before v0.8, without interface": pool("10.12.0.0-24", "10.12.0.0/24", {
    7: { id: ID, podref: "default/web-0" },
  }),
  "entries from before v0.6, without pod": pool("10.13.0.0-24", "10.13.0.0/24", { 7: { id: ID } }),
  "an entry with empty members": pool("10.14.0.0-24", "10.14.0.0/24", { 1: { id: "", podref: "", ifname: "" } }),
  "an entry of a runtime that names no namespace": pool("10.15.0.0-24", "10.15.0.0/24", {
    1: { id: ID, podref: "/web" },
  }),
  "an entry beyond the range": pool("10.16.0.0-30", "10.16.0.0/30", { 4711: { id: ID, podref: "default/web-0" } }),
  "a pool of a named network": pool("storage-10.10.0.0-16", "10.10.0.0/16", { 1: { id: ID, podref: "default/web-0" } }),
  "a pool of a node slice": pool("node1-10.0.0.0-10", "10.0.0.0/10", {}),
  "a pool of a named network's node slice": pool("storage-node1.example.com-10.0.0.0-10", "10.0.0.0/10", {}),
  "an IPv6 pool": pool("2001-db8---64", "2001:db8::/64", { 1: { id: ID, podref: "default/web-0", ifname: "net1" } }),
  "an IPv6 pool far from its first address": pool("fd00-0-0-10---64", "fd00:0:0:10::/64", {
    9223372036854775807: { id: ID, podref: "default/web-0" },
  }),
  "a range whose host bits are set": pool("10.17.0.5-24", "10.17.0.5/24", { 1: { id: ID, podref: "default/web-0" } }),
  "a pool that was made by hand, named by its masked range": pool("10.18.0.0-24", "10.18.0.5/24", {}),
  "a pool without spec": { kind: "IPPool", name: "empty" },
  "a reservation of today": reservation("10.10.0.1", { podref: "default/web-0", ifname: "net1" }),
  "a reservation from before v0.8": reservation("10.10.0.2", { containerid: ID, podref: "default/web-0" }),
  "a reservation of the first releases": reservation("10.10.0.3", { containerid: ID }),
  "a reservation without an owner": reservation("10.10.0.4", { containerid: "", podref: "" }),
  "a reservation of a named network": reservation("storage-10.10.0.1", { podref: "default/web-0", ifname: "net1" }),
  "an IPv6 reservation that ends in a colon": reservation("2001-db8--0", { podref: "default/web-0", ifname: "net1" }),
  "node slices": slices("net1", "10.0.0.0/8", "/10", [
    { nodeName: "node1", sliceRange: "10.0.0.0/10" },
    { nodeName: "", sliceRange: "10.64.0.0/10" },
  ]),
  "node slices of a size without a slash": slices("net2", "10.0.0.0/8", "10", []),
  "node slices without status": slices("net3", "2001:db8::/48", "/64"),
};

/** Invalid objects, and the message of the API server. */
const REFUSED: Readonly<Record<string, readonly [Stored, RegExp]>> = {
  "a range that is none": [pool("10.20.0.0", "10.20.0.0", {}), /spec.range/],
  "an entry whose pod has no namespace": [
    pool("10.22.0.0-24", "10.22.0.0/24", { 1: { id: ID, podref: "web-0" } }),
    /podref/,
  ],
  "an entry without container id": [pool("10.23.0.0-24", "10.23.0.0/24", { 1: { podref: "default/web-0" } }), /id/],
  "a reservation without an owner": [reservation("10.20.0.1", { ifname: "net1" }), /podref is missing/],
  "slices of no size": [slices("net4", "10.0.0.0/8", "small"), /sliceSize/],
};

async function write(kube: Kube, stored: readonly Stored[], verb: "create" | "replace") {
  const items = stored.map(({ name, ...rest }) => ({ apiVersion: API, metadata: { name }, ...rest }));
  const file = await Deno.makeTempFile({ dir: kube.folder });
  await Deno.writeTextFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  return await kube.kubectl(verb, "-f", file);
}

function patch(kube: Kube, { kind, name }: Stored, changes: readonly unknown[]): Promise<string> {
  return kube.kubectl("patch", kind, name, "--type=json", `--patch=${JSON.stringify(changes)}`);
}

Deno.test("the CRDs accept every object that the original stores, and changes to it", async () => {
  await using kube = await makeKube();
  const all = Object.values(ORIGINALS);
  await write(kube, all, "create");
  await write(kube, all, "replace");
  for (const [what, stored] of Object.entries(ORIGINALS)) {
    if (stored.kind !== "IPPool" || stored.spec === undefined) continue;
    const given = { id: "new", podref: "default/new", ifname: "net1" };
    await patch(kube, stored, [{ op: "add", path: "/spec/allocations/99", value: given }]).catch((cause) => {
      throw new Error(`Cannot write ${what}`, { cause });
    });
  }
  const old = ORIGINALS["a reservation of the first releases"];
  assert.ok(old);
  await patch(kube, old, [{ op: "add", path: "/spec/podref", value: "default/web-0" }]);
});

Deno.test("the CRDs refuse invalid objects with a reason", async () => {
  await using kube = await makeKube();
  for (const [what, [stored, reason]] of Object.entries(REFUSED)) {
    await assert.rejects(write(kube, [stored], "create"), reason, what);
  }
});

Deno.test("the CRDs refuse changes to the range of a pool and the pod of a reservation", async () => {
  await using kube = await makeKube();
  const one = pool("10.10.0.0-16", "10.10.0.0/16", {});
  const other = reservation("10.10.0.1", { podref: "default/web-0", ifname: "net1" });
  await write(kube, [one, other], "create");
  const range = [{ op: "replace", path: "/spec/range", value: "10.11.0.0/16" }];
  await assert.rejects(patch(kube, one, range), /spec\.range cannot change/);
  const podref = [{ op: "replace", path: "/spec/podref", value: "default/web-1" }];
  await assert.rejects(patch(kube, other, podref), /spec\.podref cannot change/);
  const containerid = [{ op: "add", path: "/spec/containerid", value: "next" }];
  await patch(kube, other, containerid);
  const keeper = (value: string) => ({ op: "add", path: "/spec/keeper", value });
  await assert.rejects(patch(kube, other, [...podref, keeper("IPAMClaim/vm1/u1")]), /spec\.podref cannot change/);
  await patch(kube, other, [keeper("IPAMClaim/vm1/u1")]);
  await assert.rejects(patch(kube, other, [...podref, keeper("IPAMClaim/vm1/u2")]), /spec\.podref cannot change/);
  await patch(kube, other, podref);
});

Deno.test("the CRDs have short names and printer columns", async () => {
  await using kube = await makeKube();
  await write(kube, Object.values(ORIGINALS), "create");
  const table = (name: string) => kube.kubectl("get", name);
  assert.match(
    await table("wpool"),
    /^NAME +RANGE +USED +FREE +FULL +AGE\n[^]*storage-10\.10\.0\.0-16 +10\.10\.0\.0\/16 /,
  );
  assert.match(await table("wres"), /^NAME +POD +INTERFACE +AGE\n10\.10\.0\.1 +default\/web-0 +net1 /);
  assert.match(await table("wslice"), /^NAME +RANGE +SLICE SIZE +ASSIGNED +FREE +AGE\nnet1 +10\.0\.0\.0\/8 +\/10 /);
});
