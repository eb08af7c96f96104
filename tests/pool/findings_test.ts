import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { parseIp } from "../../src/address/ip.ts";
import { findInconsistencies, type ReservationFacts } from "../../src/pool/findings.ts";
import type { PoolFacts } from "../../src/pool/orphans.ts";

/** A pool with entries `address pod [interface [container]]`. */
function pool(range: string, ...entries: string[]): PoolFacts {
  const cidr = parseCidr(range)?.cidr;
  assert(cidr);
  const allocations = entries.map((entry) => {
    const [address = "", pod = "", ifName = "net1", containerId = pod] = entry.split(" ");
    const ip = parseIp(address);
    assert(ip);
    return [ip.value, { address: ip.value, podRef: `default/${pod}`, ifName, containerId }] as const;
  });
  return { key: { network: "", cidr }, allocations: new Map(allocations) };
}

function reserved(address: string, pod: string): ReservationFacts {
  const ip = parseIp(address);
  assert(ip);
  return { network: "", ip, podRef: `default/${pod}`, ifName: "net1" };
}

const WEB = { podRef: "default/web", finished: false, running: true };

Deno.test("findInconsistencies finds nothing where all fits", () => {
  const pools = [pool("10.0.0.0/24", "10.0.0.1 web"), pool("fd00::/64", "fd00::1 web")];
  assert.deepEqual(findInconsistencies(pools, [reserved("10.0.0.1", "web"), reserved("fd00::1", "web")], [WEB]), []);
});

const CASES: readonly (readonly [string, PoolFacts[], ReservationFacts[], string[]])[] = [
  ["an address in overlapping pools", [pool("10.0.0.0/24", "10.0.0.1 web"), pool("10.0.0.0/25", "10.0.0.1 db")], [], [
    "duplicate 10.0.0.1",
  ]],
  ["two addresses of one interface", [pool("10.0.0.0/24", "10.0.0.1 web", "10.0.0.2 web")], [], [
    "same-interface-twice 10.0.0.2",
  ]],
  ["an address outside of its pool", [pool("10.0.0.0/24", "10.0.1.1 web")], [], ["outside-range 10.0.1.1"]],
  ["a reservation without entry", [pool("10.0.0.0/24")], [reserved("10.0.0.9", "web")], [
    "reservation-without-entry 10.0.0.9",
  ]],
  [
    "a reservation of somebody else",
    [pool("10.0.0.0/24", "10.0.0.1 web")],
    [reserved("10.0.0.1", "db")],
    ["reservation-of-another 10.0.0.1"],
  ],
];

for (const [title, pools, reservations, expected] of CASES) {
  Deno.test(`findInconsistencies names ${title}`, () => {
    const found = findInconsistencies(pools, reservations, undefined);
    assert.deepEqual(found.map(({ kind, address }) => `${kind} ${address}`), expected);
    for (const { message, address } of found) assert(message.includes(address));
  });
}

Deno.test("findInconsistencies names entries of pods that are gone, where pods are known", () => {
  const pools = [pool("10.0.0.0/24", "10.0.0.1 web", "10.0.0.2 gone")];
  assert.deepEqual(findInconsistencies(pools, [], [WEB]).map(({ kind, address }) => `${kind} ${address}`), [
    "orphan 10.0.0.2",
  ]);
  assert.deepEqual(findInconsistencies(pools, [], undefined), []);
});
