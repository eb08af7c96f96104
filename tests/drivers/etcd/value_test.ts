import assert from "node:assert/strict";
import fc from "fast-check";
import {
  closedDocument,
  decodeValue,
  EMPTY,
  encodeValue,
  headOf,
  isClosed,
  oddEntries,
  toAllocations,
  withChanges,
} from "../../../drivers/etcd/value.ts";
import type { Allocation, Change } from "../../../src/pool/types.ts";
import { RefusedError } from "../../../src/storage/driver.ts";

const text = fc.string({ maxLength: 12 });
const allocation: fc.Arbitrary<Allocation> = fc.record({
  address: fc.bigInt({ min: 0n, max: 0xffffffffn }),
  podRef: text,
  ifName: text,
  containerId: text,
}, { noNullPrototype: true });

Deno.test("toAllocations reads what withChanges writes, through text", () => {
  fc.assert(fc.property(fc.uniqueArray(allocation, { selector: ({ address }) => address }), (all) => {
    const changes: Change[] = all.map((after) => ({ address: after.address, after }));
    const decoded = decodeValue(JSON.stringify(withChanges(EMPTY, changes, 4)));
    assert(decoded);
    assert.deepEqual([...toAllocations(decoded, 4).values()].sort(byAddress), all.toSorted(byAddress));
    const released = withChanges(decoded, all.map((before) => ({ address: before.address, before })), 4);
    assert.deepEqual(released, EMPTY);
  }));
});

function byAddress(a: Allocation, b: Allocation): number {
  return a.address < b.address ? -1 : 1;
}

Deno.test("withChanges keeps unknown members if the owner stays, and drops them otherwise", () => {
  const entry: Allocation = { address: 0x0a000001n, podRef: "default/a", ifName: "net1", containerId: "c1" };
  const document = {
    version: 1,
    note: "kept",
    allocations: { "10.0.0.1": { id: "c1", podref: "default/a", ifname: "net1", since: 5 } },
  };
  const refreshed = withChanges(document, [{
    address: entry.address,
    before: entry,
    after: { ...entry, containerId: "c2" },
  }], 4);
  assert.deepEqual(refreshed, {
    ...document,
    allocations: { "10.0.0.1": { id: "c2", podref: "default/a", ifname: "net1", since: 5 } },
  });
  const other = { ...entry, podRef: "default/b" };
  const replaced = withChanges(document, [{ address: entry.address, before: entry, after: other }], 4);
  assert.deepEqual(replaced.allocations, { "10.0.0.1": { id: "c1", podref: "default/b", ifname: "net1" } });
});

Deno.test("decodeValue refuses other formats", () => {
  for (
    const text of [
      "",
      "10.0.0.1 c1\n10.0.0.2 c2",
      "{}",
      '{"version":3,"allocations":{}}',
      '{"version":1,"allocations":[]}',
      '{"version":1}',
      "null",
      "[]",
    ]
  ) {
    assert.equal(decodeValue(text), undefined, text);
  }
});

Deno.test("toAllocations skips keys that are not addresses of the family", () => {
  const allocations = { "10.0.0.1": { id: "c" }, "fd00::1": { id: "c" }, "10.0.0.01": { id: "c" }, x: { id: "c" } };
  assert.deepEqual([...toAllocations({ version: 1, allocations }, 4).keys()], [0x0a000001n]);
});

Deno.test("closedDocument keeps the entries, and isClosed distinguishes it from an open one", () => {
  const document = { version: 1, note: "kept", allocations: { "10.0.0.1": { id: "c" } } };
  const closed = decodeValue(JSON.stringify(closedDocument(document)));
  assert(closed);
  assert.deepEqual([isClosed(document), isClosed(closed)], [false, true]);
  assert.deepEqual(closed, { ...document, version: 2 });
});

Deno.test("oddEntries returns the keys of unreadable entries", () => {
  const allocations = { "10.0.0.1": { id: "c" }, "fd00::1": {}, "10.0.0.01": {}, x: {} };
  assert.deepEqual(oddEntries({ version: 1, allocations }, 4), ["fd00::1", "10.0.0.01", "x"]);
});

Deno.test("encodeValue refuses a value that is too large for etcd, and names its pool", () => {
  const allocations = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, i) => [`10.0.0.${i}`, { id: "c".repeat(64) }]),
  );
  assert.throws(
    () => encodeValue({ version: 1, allocations }, "pool 10.0.0.0/8"),
    (error) => error instanceof RefusedError && /pool 10\.0\.0\.0\/8: its value has \d+ bytes/.test(error.message),
  );
});

Deno.test("encodeValue starts each write with a new mark, which headOf returns", () => {
  const [first, second] = [encodeValue(EMPTY, "pool"), encodeValue(EMPTY, "pool")];
  assert.match(first, /^{"version":1,"write":"[0-9a-f]{16}","allocations":{}}$/);
  assert.notEqual(headOf(first), headOf(second));
  const read = decodeValue(first);
  assert(read);
  const next = encodeValue({ ...read, allocations: { "10.0.0.1": { id: "c" } } }, "pool");
  assert.match(next, /^{"version":1,"write":"[0-9a-f]{16}","allocations":{"10\.0\.0\.1":{"id":"c"}}}$/);
  const heads = [first, second, next, encodeValue(closedDocument(read), "pool")].map(headOf);
  assert.equal(new Set(heads).size, 4);
  for (const value of ["", '{"version":1,"allocations":{}}', '{ "version": 1, "write": "ab" }', '{"write":"ab"}']) {
    assert.equal(headOf(value), undefined, value);
  }
});
