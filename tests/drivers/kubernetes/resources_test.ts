import assert from "node:assert/strict";
import fc from "fast-check";
import {
  baseOf,
  decodeEntries,
  encodeEntry,
  type PoolEntries,
  toSlices,
} from "../../../drivers/kubernetes/resources.ts";
import { formatCidr } from "../../../src/address/cidr.ts";
import type { Ip } from "../../../src/address/ip.ts";

const TEN: Ip = { family: 4, value: 0x0a000000n };
const V6: Ip = { family: 6, value: 0x20010db8n << 96n };
const ENTRY = { id: "c", podref: "ns/pod", ifname: "net1" };

function addresses(entries: PoolEntries, base: Ip): bigint[] {
  return [...decodeEntries(entries, base).allocations.keys()];
}

Deno.test("baseOf keeps the address of the range as stored", () => {
  assert.deepEqual(baseOf("10.0.0.5/24"), {
    base: { family: 4, value: 0x0a000005n },
    cidr: { family: 4, base: 0x0a000000n, prefix: 24 },
  });
  for (const range of ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0-10.0.0.9/24", "2001:db8::/129", "x/24"]) {
    assert.equal(baseOf(range), undefined, range);
  }
});

Deno.test("decodeEntries reads owners, and missing members as empty", () => {
  const { allocations } = decodeEntries({ "1": ENTRY, "2": { id: "c" }, "3": {}, "4": null }, TEN);
  assert.deepEqual([...allocations.values()], [
    { address: TEN.value + 1n, podRef: "ns/pod", ifName: "net1", containerId: "c" },
    { address: TEN.value + 2n, podRef: "", ifName: "", containerId: "c" },
    { address: TEN.value + 3n, podRef: "", ifName: "", containerId: "" },
    { address: TEN.value + 4n, podRef: "", ifName: "", containerId: "" },
  ]);
});

Deno.test("decodeEntries skips keys that are not offsets into the family", () => {
  const bad = [
    "",
    "x",
    "-1",
    "1.5",
    "0x1",
    "1e3",
    " 1",
    "1 ",
    "--1",
    "++1",
    "٣",
    `${(1n << 32n) - TEN.value}`,
    "9".repeat(60),
  ];
  for (const key of bad) assert.deepEqual(addresses({ [key]: ENTRY }, TEN), [], JSON.stringify(key));
  assert.deepEqual(addresses({ [`${(1n << 32n) - 1n - TEN.value}`]: ENTRY }, TEN), [(1n << 32n) - 1n]);
  assert.deepEqual(addresses({ [`${(1n << 128n) - V6.value}`]: ENTRY }, V6), []);
});

Deno.test("decodeEntries reads IPv6 offsets of all sizes", () => {
  const offsets = [0n, 1n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) + 1n, (1n << 96n) - 1n];
  const entries = Object.fromEntries(offsets.map((offset) => [`${offset}`, ENTRY]));
  assert.deepEqual(addresses(entries, V6).sort(), offsets.map((offset) => V6.value + offset).sort());
});

Deno.test("decodeEntries reads addresses with unusual keys, and returns these keys", () => {
  const odd = decodeEntries({ "+1": ENTRY, "002": ENTRY }, TEN);
  assert.deepEqual([...odd.oddKeys], [[TEN.value + 1n, "+1"], [TEN.value + 2n, "002"]]);
  assert.equal(odd.allocations.size, 2);
  const both = decodeEntries({ "01": { ...ENTRY, id: "odd" }, "1": ENTRY, "+1": { ...ENTRY, id: "odd" } }, TEN);
  assert.equal(both.oddKeys.size, 0);
  assert.equal(both.allocations.get(TEN.value + 1n)?.containerId, "c");
});

Deno.test("decodeEntries reads what encodeEntry writes", () => {
  const owner = fc.record({ podRef: fc.string(), ifName: fc.string(), containerId: fc.string() });
  fc.assert(fc.property(fc.bigInt(0n, (1n << 96n) - 1n), owner, (offset, owner) => {
    const allocation = { address: V6.value + offset, ...owner };
    const { allocations } = decodeEntries({ [`${offset}`]: encodeEntry(allocation) }, V6);
    assert.deepEqual([...allocations.values()], [allocation]);
  }));
});

Deno.test("encodeEntry writes the original's members, and omits an unknown interface", () => {
  const allocation = { address: 1n, podRef: "ns/pod", ifName: "net1", containerId: "c" };
  assert.deepEqual(encodeEntry(allocation), ENTRY);
  assert.deepEqual(encodeEntry({ ...allocation, ifName: "" }), { id: "c", podref: "ns/pod" });
});

Deno.test("toSlices reads what the original writes, and skips invalid slices", () => {
  const allocations = [
    { nodeName: "node1", sliceRange: "10.0.0.0/10" },
    { nodeName: "", sliceRange: "10.64.0.0/10" },
    { nodeName: "node2", sliceRange: "nonsense" },
    {},
  ];
  const slices = toSlices({ metadata: { name: "net1" }, status: { allocations } });
  assert.deepEqual(slices.map(({ node, cidr }) => `${node} ${formatCidr(cidr)}`), [
    "node1 10.0.0.0/10",
    " 10.64.0.0/10",
  ]);
  assert.deepEqual(toSlices({ metadata: { name: "net1" } }), []);
});
