import assert from "node:assert/strict";
import { guardedPatch, recordedPatch, type Stored } from "../../../drivers/kubernetes/patch.ts";
import type { Allocation, Change, PoolKey } from "../../../src/pool/types.ts";
import { RefusedError } from "../../../src/storage/driver.ts";

const BASE = 0x0a000000n;
const KEY: PoolKey = { network: "", cidr: { family: 4, base: BASE, prefix: 8 } };
const NETWORK = "whereabouts.cni.cncf.io/network";
const METADATA = { name: "10.0.0.0-8", resourceVersion: "7", annotations: { [NETWORK]: "" } };
const STORED: Stored = { metadata: METADATA, base: BASE, oddKeys: new Map() };
const VERSION = { op: "test", path: "/metadata/resourceVersion", value: "7" };
const OPEN = { op: "test", path: "/spec/closed", value: null };
const CLEAR = { op: "add", path: "/metadata/managedFields", value: [{}] };

function allocationOf(offset: bigint, owner: Partial<Allocation> = {}): Allocation {
  return { address: BASE + offset, podRef: "ns/pod", ifName: "net1", containerId: "c", ...owner };
}

function change(before: Allocation | undefined, after: Allocation | undefined): Change {
  return { address: before?.address ?? after?.address ?? 0n, ...(before && { before }), ...(after && { after }) };
}

Deno.test("guardedPatch tests the version and changes single keys", () => {
  const changes = [
    change(undefined, allocationOf(1n)),
    change(allocationOf(2n), undefined),
    change(allocationOf(3n), allocationOf(3n, { containerId: "d" })),
    change(allocationOf(4n, { ifName: "" }), allocationOf(4n)),
    change(allocationOf(5n), allocationOf(5n, { podRef: "ns/other" })),
    change(allocationOf(6n), allocationOf(6n, { ifName: "" })),
    change(allocationOf(7n), allocationOf(7n)),
    change(allocationOf(8n, { podRef: "", ifName: "", containerId: "" }), undefined), // as read from an entry without members
  ];
  const entry = { id: "c", podref: "ns/pod", ifname: "net1" };
  const test = (offset: number, members: Record<string, string>) =>
    Object.entries(members).map(([member, value]) => ({
      op: "test",
      path: `/spec/allocations/${offset}/${member}`,
      value,
    }));
  const { ifname: _, ...plain } = entry;
  assert.deepEqual(guardedPatch(STORED, KEY, changes), [
    VERSION,
    OPEN,
    { op: "test", path: "/spec/allocations/1", value: null },
    { op: "add", path: "/spec/allocations/1", value: entry },
    ...test(2, entry),
    { op: "remove", path: "/spec/allocations/2" },
    ...test(3, entry),
    { op: "replace", path: "/spec/allocations/3/id", value: "d" },
    ...test(4, plain),
    { op: "add", path: "/spec/allocations/4/ifname", value: "net1" },
    ...test(5, entry),
    { op: "add", path: "/spec/allocations/5", value: { ...entry, podref: "ns/other" } },
    ...test(6, entry),
    { op: "add", path: "/spec/allocations/6", value: plain },
    ...test(7, entry),
    { op: "remove", path: "/spec/allocations/8" },
  ]);
});

Deno.test("guardedPatch clears existing managedFields", () => {
  const metadata = { ...STORED.metadata, managedFields: [{ manager: "kubectl" }] };
  assert.deepEqual(guardedPatch({ ...STORED, metadata }, KEY, []), [VERSION, CLEAR]);
  assert.deepEqual(guardedPatch({ ...STORED, metadata: { ...metadata, managedFields: [] } }, KEY, []), [VERSION]);
});

Deno.test("guardedPatch records network and node in an object without them, unless the key is in doubt", () => {
  const { annotations: _, ...plain } = METADATA;
  const stored = { ...STORED, metadata: plain };
  const key = { ...KEY, network: "blue", node: "n1" };
  const release = [change(allocationOf(1n), undefined)];
  const value = { [NETWORK]: "blue", "whereabouts.cni.cncf.io/node": "n1" };
  assert.deepEqual(guardedPatch(stored, key, release).at(-1), { op: "add", path: "/metadata/annotations", value });
  const remove = { op: "remove", path: "/spec/allocations/1" };
  assert.deepEqual(guardedPatch(stored, { ...key, otherReadings: [KEY] }, release).at(-1), remove);
  assert.deepEqual(guardedPatch(STORED, key, release).at(-1), remove);
  const corrected = guardedPatch(STORED, key, [change(undefined, allocationOf(1n))]).slice(-2);
  assert.deepEqual(corrected.map(({ path }) => path), [
    "/metadata/annotations/whereabouts.cni.cncf.io~1network",
    "/metadata/annotations/whereabouts.cni.cncf.io~1node",
  ]);
});

Deno.test("guardedPatch writes to the key that holds the address", () => {
  const oddKeys = new Map([[BASE + 1n, "+1"], [BASE + 2n, "a/b~c"]]);
  const patch = guardedPatch({ ...STORED, oddKeys }, KEY, [
    change(allocationOf(1n), undefined),
    change(allocationOf(2n), undefined),
  ]);
  const paths = new Set(patch.slice(1).map(({ path }) => path.split("/").slice(0, 4).join("/")));
  assert.deepEqual([...paths], ["/spec/allocations/+1", "/spec/allocations/a~1b~0c"]);
});

Deno.test("guardedPatch counts from the address of the stored range, and refuses addresses below it", () => {
  const stored = { ...STORED, base: BASE + 5n };
  assert.equal(guardedPatch(stored, KEY, [change(undefined, allocationOf(5n))]).at(-1)?.path, "/spec/allocations/0");
  assert.throws(() => guardedPatch(stored, KEY, [change(undefined, allocationOf(4n))]), (error) => {
    assert(error instanceof RefusedError);
    assert.match(error.message, /10\.0\.0\.4 to IPPool 10\.0\.0\.0-8: its spec\.range counts from 10\.0\.0\.5/);
    return true;
  });
});

Deno.test("guardedPatch refuses more operations than the API server accepts", () => {
  const changes = Array.from({ length: 5_000 }, (_, i) => change(undefined, allocationOf(BigInt(i + 1))));
  assert.equal(guardedPatch(STORED, KEY, changes.slice(1)).length, 10_000);
  assert.throws(() => guardedPatch(STORED, KEY, changes), /10002 operations: the API server accepts at most 10000/);
});

Deno.test("recordedPatch tests each entry instead of the version", () => {
  const patch = recordedPatch("10.0.0.0-8", KEY, [
    change(allocationOf(1n), undefined),
    change(allocationOf(2n, { ifName: "" }), undefined),
  ]);
  assert.deepEqual(patch, [
    { op: "test", path: "/spec/range", value: "10.0.0.0/8" },
    { op: "test", path: "/spec/allocations/1/id", value: "c" },
    { op: "test", path: "/spec/allocations/1/podref", value: "ns/pod" },
    { op: "test", path: "/spec/allocations/1/ifname", value: "net1" },
    { op: "test", path: "/spec/allocations/1/keeper", value: null },
    { op: "remove", path: "/spec/allocations/1" },
    { op: "test", path: "/spec/allocations/2/id", value: "c" },
    { op: "test", path: "/spec/allocations/2/podref", value: "ns/pod" },
    { op: "test", path: "/spec/allocations/2/ifname", value: null },
    { op: "test", path: "/spec/allocations/2/keeper", value: null },
    { op: "remove", path: "/spec/allocations/2" },
    CLEAR,
  ]);
});

Deno.test("recordedPatch accepts only releases", () => {
  for (
    const wrong of [
      change(undefined, allocationOf(1n)),
      change(allocationOf(1n), allocationOf(1n, { containerId: "d" })),
    ]
  ) {
    assert.throws(() => recordedPatch("10.0.0.0-8", KEY, [wrong]), TypeError);
  }
});
