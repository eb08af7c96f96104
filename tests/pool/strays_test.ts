import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { parseIp } from "../../src/address/ip.ts";
import type { PoolFacts } from "../../src/pool/orphans.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { PoolIndex } from "../../src/pool/pool_index.ts";
import { findStrays, findUnreserved, poolsFor, type ReservationFacts } from "../../src/pool/strays.ts";

/** `network range address pod ifName`; `one?two` is network one that may also be network two. */
function pool(text: string): PoolFacts {
  const [network = "", range = "", address = "", pod = "", ifName = ""] = text.split(" ").map((part) =>
    part === "-" ? "" : part
  );
  const cidr = parseCidr(range)?.cidr;
  const value = parseIp(address)?.value;
  assert(cidr && value !== undefined, text);
  const allocation = { address: value, podRef: `default/${pod}`, ifName, containerId: "c" };
  const [likely = "", ...others] = network.split("?");
  const otherReadings = others.map((other) => ({ network: other, cidr }));
  const key = { network: likely, cidr, ...(others.length > 0 && { otherReadings }) };
  return { key, allocations: new Map([[value, allocation]]) };
}

/** `network address pod ifName`. */
function reservation(text: string): ReservationFacts {
  const [network = "", address = "", pod = "", ifName = ""] = text.split(" ").map((part) => part === "-" ? "" : part);
  const ip = parseIp(address);
  assert(ip, text);
  return { network, ip, podRef: `default/${pod}`, ifName };
}

const LIVE: PodFacts = { podRef: "default/web", finished: false, running: true };

const STRAYS: readonly (readonly [string, string, string, "none" | "alone" | "held"])[] = [
  ["its entry exists", "- 10.0.0.0/24 10.0.0.1 web net1", "- 10.0.0.1 web net1", "none"],
  ["its entry is old and names no interface", "- 10.0.0.0/24 10.0.0.1 web -", "- 10.0.0.1 web net1", "none"],
  ["it is old and names no interface", "- 10.0.0.0/24 10.0.0.1 web net1", "- 10.0.0.1 web -", "none"],
  ["the entry is of another interface", "- 10.0.0.0/24 10.0.0.1 web net2", "- 10.0.0.1 web net1", "held"],
  ["the entry is of another pod", "- 10.0.0.0/24 10.0.0.1 db net1", "- 10.0.0.1 web net1", "held"],
  ["the entry is of another network", "- 10.0.0.0/24 10.0.0.1 web net1", "blue 10.0.0.1 web net1", "alone"],
  [
    "the entry is of a network whose name is longer",
    "blue-node1 10.0.0.0/27 10.0.0.1 web net1",
    "blue 10.0.0.1 web net1",
    "alone",
  ],
  [
    "the entry is of a pool that may be a slice of its network",
    "blue-node1?blue 10.0.0.0/27 10.0.0.1 web net1",
    "blue 10.0.0.1 web net1",
    "none",
  ],
  [
    "another's entry is of a pool that may be of its network",
    "blue?red 10.0.0.0/27 10.0.0.1 db net1",
    "blue 10.0.0.1 web net1",
    "alone",
  ],
  ["no entry has its address", "- 10.0.0.0/24 10.0.0.2 db net1", "- 10.0.0.1 gone net1", "alone"],
];

for (const [title, entry, reserved, expected] of STRAYS) {
  Deno.test(`findStrays judges a reservation when ${title}`, () => {
    const found = findStrays([reservation(reserved)], [pool(entry)]).map(({ holder }) => holder ? "held" : "alone");
    assert.deepEqual(found, expected === "none" ? [] : [expected]);
  });
}

Deno.test("findStrays skips reservations whose name has two readings", () => {
  assert.deepEqual(findStrays([{ ...reservation("- 10.0.0.1 gone net1"), doubtful: true }], []), []);
});

Deno.test("findUnreserved finds the entry of a stopped owner: another network may allocate the address of a stopped virtual machine", () => {
  const { key, allocations } = pool("- 10.0.0.0/24 10.0.0.1 gone net1");
  const keeper = { kind: "IPAMClaim", name: "vm", uid: "u1" } as const;
  const kept = new Map([...allocations].map(([address, entry]) => [address, { ...entry, containerId: "", keeper }]));
  const find = (...reserved: string[]) =>
    findUnreserved(reserved.map(reservation), [{ key, allocations: kept }], [LIVE], () => true).length;
  assert.deepEqual([find(), find("- 10.0.0.1 gone net1")], [1, 0]);
});

Deno.test("findUnreserved skips pools whose network is uncertain", () => {
  const doubtful = pool("blue-node1?blue 10.0.0.0/27 10.0.0.1 web net1");
  assert.deepEqual(findUnreserved([], [doubtful], [LIVE], () => true), []);
});

Deno.test("poolsFor finds the pools that may contain the entry of a reservation", () => {
  const keys = ["- 10.0.0.0/24 10.0.0.1 a b", "- 10.0.0.0/16 10.0.0.1 a b", "blue 10.0.0.0/24 10.0.0.1 a b"]
    .map((text) => pool(text).key);
  const [narrow, wide, blue] = keys;
  assert(narrow && wide && blue);
  const slice = { ...narrow, network: "blue", node: "node1" };
  const candidates = new PoolIndex([...keys, narrow, slice].map((key) => ({ key })));
  assert.deepEqual(poolsFor(reservation("- 10.0.0.1 web net1"), candidates), [narrow, wide]);
  assert.deepEqual(poolsFor(reservation("- 10.0.9.1 web net1"), candidates), [wide]);
  assert.deepEqual(poolsFor(reservation("blue 10.0.0.1 web net1"), candidates), [blue]);
  assert.deepEqual(poolsFor({ ...reservation("blue 10.0.0.1 web net1"), node: "node1" }, candidates), [blue, slice]);
});

const UNRESERVED: readonly (readonly [string, string, string[], number])[] = [
  ["it has no reservation", "- 10.0.0.0/24 10.0.0.1 web net1", [], 1],
  ["it is reserved", "- 10.0.0.0/24 10.0.0.1 web net1", ["- 10.0.0.1 web net1"], 0],
  ["it is reserved for another pod", "- 10.0.0.0/24 10.0.0.1 web net1", ["- 10.0.0.1 db net1"], 0],
  ["it is reserved in another network", "- 10.0.0.0/24 10.0.0.1 web net1", ["blue 10.0.0.1 db net1"], 1],
  ["its pod does not exist", "- 10.0.0.0/24 10.0.0.1 gone net1", [], 0],
];

for (const [title, entry, reserved, count] of UNRESERVED) {
  Deno.test(`findUnreserved judges an entry when ${title}`, () => {
    const find = (reserves: boolean) =>
      findUnreserved(reserved.map(reservation), [pool(entry)], [LIVE], () => reserves);
    assert.deepEqual([find(true).length, find(false).length], [count, 0]);
  });
}
