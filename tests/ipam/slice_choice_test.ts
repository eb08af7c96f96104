import assert from "node:assert/strict";
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import { freeSlice, lenders, ownedFirst, ownSlices, recordedSlices, sliceName } from "../../src/ipam/slice_choice.ts";
import type { Slice } from "../../src/pool/slice_assignment.ts";
import type { Allocation } from "../../src/pool/types.ts";
import { ip, range } from "./lab.ts";

function slice(text: string): Slice {
  const [cidr = "", node = ""] = text.split(" ");
  return { node, cidr: parseCidr(cidr)?.cidr ?? assert.fail() };
}

const LIST = ["10.0.0.8/30 b", "10.0.0.4/30 a", "10.0.0.0/30 a", "10.0.0.12/30", "10.1.0.0/30 a"].map(slice);
const RANGE = range("10.0.0.0/28");
const names = (slices: readonly Slice[]) => slices.map(sliceName);

Deno.test("ownSlices are those of the node inside the range, lowest first, or the one with a requested address", () => {
  assert.deepEqual(names(ownSlices(LIST, "a", RANGE.cidr)), ["a 10.0.0.0/30", "a 10.0.0.4/30"]);
  assert.deepEqual(names(ownSlices(LIST, "a", RANGE.cidr, ip("10.0.0.5").value)), ["a 10.0.0.4/30"]);
  assert.deepEqual(names(ownSlices(LIST, "a", RANGE.cidr, ip("10.0.0.9").value)), ["a 10.0.0.0/30"]);
  assert.deepEqual(ownSlices(LIST, "c", RANGE.cidr), []);
});

Deno.test("recordedSlices are listed for the node that a record names; ownedFirst moves slices to the front", () => {
  const key = (text: string) => ({ network: "", ...slice(text) });
  const recorded = [key("10.0.0.8/30 b"), key("10.0.0.4/30 b"), key("10.0.0.12/30 c")];
  assert.deepEqual(names(recordedSlices(LIST, RANGE.cidr, recorded)), ["b 10.0.0.8/30"]);
  const own = ownSlices(LIST, "a", RANGE.cidr);
  assert.deepEqual(names(ownedFirst(own, ({ cidr }) => formatCidr(cidr) === "10.0.0.4/30")), [
    "a 10.0.0.4/30",
    "a 10.0.0.0/30",
  ]);
});

Deno.test("freeSlice is the lowest free one with an address to allocate", () => {
  const list = ["10.0.0.12/30", "10.0.0.8/30", "10.0.0.0/30", "10.0.0.4/30 a"].map(slice);
  assert.equal(sliceName(freeSlice(list, RANGE) ?? assert.fail()), " 10.0.0.0/30");
  assert.equal(sliceName(freeSlice(list, range("10.0.0.9-10.0.0.14/28")) ?? assert.fail()), " 10.0.0.8/30");
  assert.equal(freeSlice(list, range("10.0.0.5-10.0.0.6/28")), undefined);
});

Deno.test("lenders are the three slices of other nodes with most room; closed and full ones are none", () => {
  const list = ["10.0.0.0/30 a", "10.0.0.4/30 b", "10.0.0.8/30 c", "10.0.0.12/30 d"].map(slice);
  const pool = (text: string, count: number, fence?: { readonly closed: number; readonly opened: number }) => {
    const key = { network: "", ...slice(text) };
    const entries = Array.from({ length: count }, (_, i): readonly [bigint, Allocation] => {
      const address = key.cidr.base + BigInt(i);
      return [address, { address, podRef: "x/y", ifName: "net1", containerId: `${i}` }];
    });
    return { key, allocations: new Map(entries), ...(fence && { fence }) };
  };
  const of = (pools: readonly ReturnType<typeof pool>[], more: readonly Slice[] = []) =>
    lenders([...list, ...more], "a", { network: "", range: RANGE }, pools).map(({ node }) => node).join("");
  assert.equal(of([]), "bcd"); // 4, 4 and, without broadcast, 3 addresses
  assert.equal(of([pool("10.0.0.4/30 b", 2)]), "cdb");
  assert.equal(of([pool("10.0.0.4/30 b", 4), pool("10.0.0.8/30 c", 0, { closed: 2, opened: 1 })]), "d");
  assert.equal(of([pool("10.0.0.8/30 c", 0, { closed: 2, opened: 3 })]), "bcd");
});
