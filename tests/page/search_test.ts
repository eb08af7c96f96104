import assert from "node:assert/strict";
import { MAX_MATCHES, search } from "../../page/search.ts";
import type { EntryRow, PoolSummary } from "../../src/ui/types.ts";

function pool(name: string, cidr: string, more: Partial<PoolSummary> = {}): PoolSummary {
  return {
    name,
    cidr,
    network: "",
    node: "",
    attachments: [],
    used: 0,
    capacity: "1",
    resting: 0,
    findings: 0,
    version: 1,
    ...more,
  };
}

const POOLS = [
  pool("blue/10.0.0.0/24", "10.0.0.0/24", { network: "blue", attachments: ["shop/blue-net"] }),
  pool("n7/fd00::/64", "fd00::/64", { node: "n7" }),
];
const entries = (...rows: EntryRow[]) => ({ unavailable: [], skipsZero: true, entries: rows });
const DETAILS = {
  "blue/10.0.0.0/24": entries([1, 0, "shop/web-1", "net1", "n1", "0123456789", ""], [
    12,
    0,
    "shop/db",
    "net1",
    "n7",
    "",
    "",
  ]),
  "n7/fd00::/64": entries(["18446744073709551615", 0, "shop/web-2", "net1", "n7", "", ""]),
};

function found(query: string) {
  const { pools, matches, total } = search(POOLS, DETAILS, query);
  assert.equal(matches.length, total);
  return [pools.map(({ name }) => name), matches.map(({ address }) => address)];
}

Deno.test("a search finds addresses by address, pod, node and container, and pools by network and node", () => {
  assert.deepEqual(found("10.0.0.1"), [[], ["10.0.0.1", "10.0.0.12"]]);
  assert.deepEqual(found(" FD00::FFFF"), [[], ["fd00::ffff:ffff:ffff:ffff"]]);
  assert.deepEqual(found("web"), [[], ["10.0.0.1", "fd00::ffff:ffff:ffff:ffff"]]);
  assert.deepEqual(found("n7"), [["n7/fd00::/64"], ["10.0.0.12", "fd00::ffff:ffff:ffff:ffff"]]);
  assert.deepEqual(found("012345"), [[], ["10.0.0.1"]]);
  assert.deepEqual(found("blue"), [["blue/10.0.0.0/24"], []]);
  assert.deepEqual(found("shop/blue-net"), [["blue/10.0.0.0/24"], []]);
  assert.deepEqual(found("nothing"), [[], []]);
  assert.deepEqual(found("  "), [[], []]);
});

Deno.test("a search counts all matches, and returns the first of them", () => {
  const rows = Array.from({ length: 900 }, (_, i): EntryRow => [i, 0, "a/b", "", "", "", ""]);
  const { matches, total } = search([pool("p", "10.0.0.0/16")], { p: entries(...rows) }, "a/b");
  assert.deepEqual([matches.length, total], [MAX_MATCHES, 900]);
});
