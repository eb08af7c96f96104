import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { parseIp } from "../../src/address/ip.ts";
import { findInconsistencies } from "../../src/pool/findings.ts";
import type { PoolFacts } from "../../src/pool/orphans.ts";
import type { ReservationFacts } from "../../src/pool/strays.ts";

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

Deno.test("findInconsistencies finds nothing in a consistent store", () => {
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

Deno.test("findInconsistencies reports an interface with more addresses of a pool than its network has ranges", () => {
  const pools = [pool("10.0.0.0/24", "10.0.0.1 web", "10.0.0.2 web", "10.0.0.3 db")];
  const pods = [{ ...WEB, addresses: ["10.0.0.2"] }];
  const found = (ranges: number | undefined) =>
    findInconsistencies({
      pools,
      reservations: [],
      configured: { rangesOf: () => ranges },
      pods: ranges ? pods : undefined,
    })
      .filter(({ kind }) => kind === "same-interface-twice").map(({ address, message }) => [address, message]);
  assert.deepEqual([found(undefined), found(2)], [[], []]);
  const message =
    "default/web (net1) has 2 addresses of 10.0.0.0/24, of which its network has 1 range: 10.0.0.2, 10.0.0.1";
  assert.deepEqual(found(1), [["10.0.0.1", message]]);
});

Deno.test("findInconsistencies reports no duplicate across overlapping pools if every network allows it", () => {
  const pools = [pool("10.0.0.0/24", "10.0.0.1 web"), pool("10.0.0.0/25", "10.0.0.1 db")];
  const found = (mayOverlap: (prefix: number) => boolean | undefined) =>
    findInconsistencies({ pools, reservations: [], configured: { mayOverlap: ({ cidr }) => mayOverlap(cidr.prefix) } })
      .map(({ kind, podRef, otherPod }) => [kind, podRef, otherPod]);
  const duplicate = ["duplicate", "default/db", "default/web"];
  assert.deepEqual([found(() => true), found((prefix) => prefix === 24), found(() => undefined)], [[], [duplicate], [
    duplicate,
  ]]);
});

Deno.test("findInconsistencies ignores static addresses of a network", () => {
  const pods = [{ ...WEB, interfaces: [{ ifName: "net1", network: "default/fixed", ips: ["10.0.0.9"] }] }];
  const found = (isStatic: (attachment: string, address: string) => boolean) =>
    findInconsistencies({ pools: [pool("10.0.0.0/24")], reservations: [], pods, configured: { isStatic } }).length;
  assert.equal(found((attachment, address) => attachment === "default/fixed" && address === "10.0.0.9"), 0);
  assert.equal(found(() => false), 1);
});

Deno.test("findInconsistencies compares all holders of an address with each other", () => {
  assert.deepEqual(findInconsistencies({ pools: THREE, reservations: [] }).map(({ kind, podRef }) => [kind, podRef]), [
    ["duplicate", "default/db"],
  ]);
});

Deno.test("findInconsistencies reports entries without a pod", () => {
  const pools = [pool("10.0.0.0/24", "10.0.0.1 web")];
  const nobody = { address: 0x0a000002n, podRef: "", ifName: "", containerId: "c" };
  const unowned = { ...pool("10.0.0.0/24"), allocations: new Map([[nobody.address, nobody]]) };
  assert.deepEqual(findInconsistencies({ pools: [...pools, unowned], reservations: [] }).map(({ kind }) => kind), [
    "unowned",
  ]);
});

Deno.test("findInconsistencies compares the addresses of pods with the pools", () => {
  const pools = [pool("10.0.0.0/24", "10.0.0.1 web", "10.0.0.2 db")];
  const has = (podRef: string, ...addresses: string[]) => ({
    ...WEB,
    podRef,
    addresses,
    interfaces: [{ ifName: "net1", network: "default/net", ips: addresses }],
  });
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

Deno.test("findInconsistencies compares a pod's address only with the pools of its network, if that is known", () => {
  const blue = { ...pool("10.0.0.0/24", "10.0.0.1 web"), key: { ...pool("10.0.0.0/24").key, network: "blue" } };
  const interfaces = [{ ifName: "net1", network: "default/other", ips: ["10.0.0.1"] }];
  const pods = [WEB, { ...WEB, podRef: "default/x", addresses: ["10.0.0.1"], interfaces }];
  const found = (domains: readonly string[] | undefined) =>
    findInconsistencies({ pools: [blue], reservations: [], pods, domainsOf: () => domains }).map(({ kind }) => kind);
  assert.deepEqual([found(undefined), found([]), found(["red"]), found(["red", "blue"])], [
    ["pod-address-of-another"],
    [],
    [],
    ["pod-address-of-another"],
  ]);
});

Deno.test("findInconsistencies reports entries without a reservation if their network reserves", () => {
  const pools = [pool("10.0.0.0/24", "10.0.0.1 web", "10.0.0.2 db")];
  const pods = [WEB, { ...WEB, podRef: "default/db" }];
  const reservations = [reserved("10.0.0.2", "db")];
  const found = (reserves?: () => boolean) =>
    findInconsistencies({ pools, reservations, pods, reserves }).map(({ kind, address }) => `${kind} ${address}`);
  assert.deepEqual([found(() => true), found(() => false), found()], [["entry-without-reservation 10.0.0.1"], [], []]);
});

for (const [title, pools, reservations, expected] of CASES) {
  Deno.test(`findInconsistencies reports ${title}`, () => {
    const found = findInconsistencies({ pools, reservations });
    assert.deepEqual(found.map(({ kind, address }) => `${kind} ${address}`), expected);
    for (const { message, address } of found) assert(message.includes(address));
  });
}

Deno.test("findInconsistencies reports entries of deleted pods, if pods are known", () => {
  const pools = [pool("10.0.0.0/24", "10.0.0.1 web", "10.0.0.2 gone")];
  assert.deepEqual(
    findInconsistencies({ pools, reservations: [], pods: [WEB] }).map(({ kind, address }) => `${kind} ${address}`),
    [
      "orphan 10.0.0.2",
    ],
  );
  assert.deepEqual(findInconsistencies({ pools, reservations: [] }), []);
});

/** An entry of an old release, which records only the container. */
function old(range: string, address: string, containerId: string): PoolFacts {
  const ip = parseIp(address);
  assert(ip);
  const held = { address: ip.value, podRef: "", ifName: "", containerId };
  return { ...pool(range), allocations: new Map([[ip.value, held]]) };
}

Deno.test("findInconsistencies identifies old entries by their container", () => {
  const kinds = (...pools: PoolFacts[]) =>
    findInconsistencies({ pools, reservations: [] }).map(({ kind, message }) => `${kind}: ${message}`);
  const [first] = kinds(old("10.0.0.0/24", "10.0.0.1", "c1"));
  assert.match(first ?? "", /^unowned: 10\.0\.0\.1 is allocated to container c1 of no known pod/);
  const same = kinds(old("10.0.0.0/24", "10.0.0.1", "c1"), old("10.0.0.0/25", "10.0.0.1", "c1"));
  assert.equal(same.filter((text) => text.startsWith("duplicate")).length, 0);
  const two = kinds(old("10.0.0.0/24", "10.0.0.1", "c1"), old("10.0.0.0/25", "10.0.0.1", "c2"));
  assert.match(
    two.find((text) => text.startsWith("duplicate")) ?? "",
    /to container c2 in pool .* to container c1 in pool /,
  );
});

Deno.test("findInconsistencies accepts an old entry of a pod's address", () => {
  const pods = [{
    ...WEB,
    addresses: ["10.0.0.1"],
    interfaces: [{ ifName: "net1", network: "default/net", ips: ["10.0.0.1"] }],
  }];
  const found = findInconsistencies({ pools: [old("10.0.0.0/24", "10.0.0.1", "c1")], reservations: [], pods });
  assert.deepEqual(found.map(({ kind }) => kind), ["unowned"]);
});

Deno.test("findInconsistencies accepts two old entries of one container", () => {
  const both = new Map(
    ["10.0.0.1", "10.0.0.2"].flatMap((address) => [...old("10.0.0.0/24", address, "c1").allocations]),
  );
  const found = findInconsistencies({ pools: [{ ...pool("10.0.0.0/24"), allocations: both }], reservations: [] });
  assert.deepEqual(found.map(({ kind }) => kind), ["unowned", "unowned"]);
});

Deno.test("findInconsistencies includes unreadable objects and findings on slices", () => {
  const slices = { stored: [{ name: "net", range: "10.0.0.0/24", slices: [] }], nodes: [{ name: "node1" }] };
  const unreadable = [{ where: "IPPool x", why: "It is broken" }];
  const found = findInconsistencies({ pools: [], reservations: [], slices, unreadable });
  assert.deepEqual(found.map(({ kind, subject, pool, message }) => [kind, subject, pool, message]), [
    ["unreadable", "stored", "IPPool x", "It is broken"],
    ["node-without-slice", "slices", "net", "Node node1 has no slice of net"],
  ]);
});

Deno.test("findInconsistencies identifies entries and reservations exactly, so that they can be compared later", () => {
  const [orphan] = findInconsistencies({
    pools: [pool("10.0.0.0/24", "10.0.0.1 gone net2 c9")],
    reservations: [],
    pods: [],
  });
  const { message: _, ...seen } = orphan ?? { message: "" };
  assert.deepEqual(seen, {
    kind: "orphan",
    subject: "entry",
    address: "10.0.0.1",
    pool: "10.0.0.0/24",
    network: "",
    podRef: "default/gone",
    ifName: "net2",
    containerId: "c9",
  });
  const [stray] = findInconsistencies({
    pools: [],
    reservations: [{ ...reserved("10.0.0.1", "gone"), containerId: "c9" }],
  });
  assert.deepEqual([stray?.subject, stray?.containerId, stray?.network], ["reservation", "c9", ""]);
});
