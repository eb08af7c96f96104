import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { parseIp } from "../../src/address/ip.ts";
import { findInconsistencies } from "../../src/pool/findings.ts";
import type { PoolFacts } from "../../src/pool/orphans.ts";
import type { ReservationFacts } from "../../src/pool/reservations.ts";

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
  assert.deepEqual(
    findInconsistencies({
      pools,
      reservations: [reserved("10.0.0.1", "web"), reserved("fd00::1", "web")],
      pods: [WEB],
      reserves: () => true,
    }),
    [],
  );
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

const THREE = [
  pool("10.0.0.0/24", "10.0.0.1 web"),
  pool("10.0.0.0/25", "10.0.0.1 web"),
  pool("10.0.0.0/26", "10.0.0.1 db"),
];

Deno.test("findInconsistencies compares every holder of an address with every other", () => {
  assert.deepEqual(findInconsistencies({ pools: THREE, reservations: [] }).map(({ kind, podRef }) => [kind, podRef]), [
    ["duplicate", "default/db"],
  ]);
});

Deno.test("findInconsistencies names entries that name no pod", () => {
  const pools = [pool("10.0.0.0/24", "10.0.0.1 web")];
  const nobody = { address: 0x0a000002n, podRef: "", ifName: "", containerId: "c" };
  const unowned = { ...pool("10.0.0.0/24"), allocations: new Map([[nobody.address, nobody]]) };
  assert.deepEqual(findInconsistencies({ pools: [...pools, unowned], reservations: [] }).map(({ kind }) => kind), [
    "unowned",
  ]);
});

Deno.test("findInconsistencies compares what pods have with what pools hold", () => {
  const pools = [pool("10.0.0.0/24", "10.0.0.1 web", "10.0.0.2 db")];
  const has = (podRef: string, ...attached: string[]) => ({ ...WEB, podRef, addresses: new Set(attached), attached });
  const pods = [
    has("default/web", "10.0.0.1"),
    has("default/db", "10.0.0.2", "10.0.0.9", "192.168.0.1"),
    has("default/x", "10.0.0.1"),
  ];
  assert.deepEqual(
    findInconsistencies({ pools, reservations: [], pods }).map(({ kind, address, podRef }) => [kind, address, podRef]),
    [["pod-address-unallocated", "10.0.0.9", "default/db"], ["pod-address-of-another", "10.0.0.1", "default/x"]],
  );
});

Deno.test("findInconsistencies names entries without reservation where their network reserves", () => {
  const pools = [pool("10.0.0.0/24", "10.0.0.1 web", "10.0.0.2 db")];
  const pods = [WEB, { ...WEB, podRef: "default/db" }];
  const reservations = [reserved("10.0.0.2", "db")];
  const found = (reserves?: () => boolean) =>
    findInconsistencies({ pools, reservations, pods, reserves }).map(({ kind, address }) => `${kind} ${address}`);
  assert.deepEqual([found(() => true), found(() => false), found()], [["entry-without-reservation 10.0.0.1"], [], []]);
});

for (const [title, pools, reservations, expected] of CASES) {
  Deno.test(`findInconsistencies names ${title}`, () => {
    const found = findInconsistencies({ pools, reservations });
    assert.deepEqual(found.map(({ kind, address }) => `${kind} ${address}`), expected);
    for (const { message, address } of found) assert(message.includes(address));
  });
}

Deno.test("findInconsistencies names entries of pods that are gone, where pods are known", () => {
  const pools = [pool("10.0.0.0/24", "10.0.0.1 web", "10.0.0.2 gone")];
  assert.deepEqual(
    findInconsistencies({ pools, reservations: [], pods: [WEB] }).map(({ kind, address }) => `${kind} ${address}`),
    [
      "orphan 10.0.0.2",
    ],
  );
  assert.deepEqual(findInconsistencies({ pools, reservations: [] }), []);
});
