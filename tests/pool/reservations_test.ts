import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { parseIp } from "../../src/address/ip.ts";
import type { PoolFacts } from "../../src/pool/orphans.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { findStrays, findUnreserved, type ReservationFacts } from "../../src/pool/reservations.ts";

/** `network range address pod ifName`. */
function pool(text: string): PoolFacts {
  const [network = "", range = "", address = "", pod = "", ifName = ""] = text.split(" ").map((part) =>
    part === "-" ? "" : part
  );
  const cidr = parseCidr(range)?.cidr;
  const value = parseIp(address)?.value;
  assert(cidr && value !== undefined, text);
  const allocation = { address: value, podRef: `default/${pod}`, ifName, containerId: "c" };
  return { key: { network, cidr }, allocations: new Map([[value, allocation]]) };
}

/** `network address pod ifName`. */
function reservation(text: string): ReservationFacts {
  const [network = "", address = "", pod = "", ifName = ""] = text.split(" ").map((part) => part === "-" ? "" : part);
  const ip = parseIp(address);
  assert(ip, text);
  return { network, ip, podRef: `default/${pod}`, ifName };
}

const LIVE: PodFacts = { podRef: "default/web", finished: false, running: true };

const STRAYS: readonly (readonly [string, string, string, string | undefined])[] = [
  ["its entry is there", "- 10.0.0.0/24 10.0.0.1 web net1", "- 10.0.0.1 web net1", undefined],
  ["its entry is old and names no interface", "- 10.0.0.0/24 10.0.0.1 web -", "- 10.0.0.1 web net1", undefined],
  ["it is old and names no interface", "- 10.0.0.0/24 10.0.0.1 web net1", "- 10.0.0.1 web -", undefined],
  ["the entry is of another interface", "- 10.0.0.0/24 10.0.0.1 web net2", "- 10.0.0.1 web net1", "no pool entry"],
  ["the entry is of another pod", "- 10.0.0.0/24 10.0.0.1 db net1", "- 10.0.0.1 web net1", "no pool entry"],
  ["the entry is of another network", "- 10.0.0.0/24 10.0.0.1 web net1", "blue 10.0.0.1 web net1", "no pool entry"],
  [
    "the entry is of a slice of its network",
    "blue-node1 10.0.0.0/27 10.0.0.1 web net1",
    "blue 10.0.0.1 web net1",
    undefined,
  ],
  ["its pod is gone", "- 10.0.0.0/24 10.0.0.2 db net1", "- 10.0.0.1 gone net1", "pod is gone"],
];

for (const [title, entry, reserved, expected] of STRAYS) {
  Deno.test(`findStrays judges a reservation when ${title}`, () => {
    assert.deepEqual(
      findStrays([reservation(reserved)], [pool(entry)], [LIVE]).map(({ reason }) => reason),
      expected ? [expected] : [],
    );
  });
}

Deno.test("findStrays keeps what is all that protects the address of a living pod", () => {
  const pods = [{ ...LIVE, addresses: new Set(["10.0.0.1"]) }];
  assert.deepEqual(findStrays([reservation("- 10.0.0.1 web net1")], [], pods), []);
  assert.equal(
    findStrays([reservation("- 10.0.0.1 web net1")], [], [{
      ...LIVE,
      finished: true,
      addresses: new Set(["10.0.0.1"]),
    }]).length,
    1,
  );
});

const UNRESERVED: readonly (readonly [string, string, string[], number])[] = [
  ["nobody has reserved it", "- 10.0.0.0/24 10.0.0.1 web net1", [], 1],
  ["it is reserved", "- 10.0.0.0/24 10.0.0.1 web net1", ["- 10.0.0.1 web net1"], 0],
  ["somebody else has reserved it", "- 10.0.0.0/24 10.0.0.1 web net1", ["- 10.0.0.1 db net1"], 0],
  ["another network has reserved it", "- 10.0.0.0/24 10.0.0.1 web net1", ["blue 10.0.0.1 db net1"], 1],
  ["its pod is gone", "- 10.0.0.0/24 10.0.0.1 gone net1", [], 0],
];

for (const [title, entry, reserved, count] of UNRESERVED) {
  Deno.test(`findUnreserved judges an entry when ${title}`, () => {
    const find = (reserves: boolean) =>
      findUnreserved(reserved.map(reservation), [pool(entry)], [LIVE], () => reserves);
    assert.deepEqual([find(true).length, find(false).length], [count, 0]);
  });
}
