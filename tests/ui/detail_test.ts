import assert from "node:assert/strict";
import { usable } from "../../src/address/cidr.ts";
import { parseIp } from "../../src/address/ip.ts";
import { type Finding, type FindingKind, NO_OWNER } from "../../src/pool/finding.ts";
import { modelOf, type Reading } from "../../src/ui/model.ts";
import { ENTRY_STATES, type EntryRow, type PoolDetail } from "../../src/ui/types.ts";
import { allocation, keyOf, NOW, pool, reading, reservation, valueOf } from "./lab.ts";

const KEY = keyOf("10.0.0.0/28");
const NAME = "10.0.0.0/28";

function finding(kind: FindingKind, address: string, more: Partial<Finding> = {}): Finding {
  return {
    ...NO_OWNER,
    kind,
    subject: "entry",
    address,
    pool: NAME,
    network: "",
    message: `message of ${kind}`,
    ...more,
  };
}

function detailOf(one: Reading, name = NAME): PoolDetail {
  const detail = modelOf(one).details.get(name);
  assert(detail);
  return detail;
}

function states({ entries }: PoolDetail): [offset: EntryRow[0], state: string | undefined][] {
  return entries.map(([offset, state]) => [offset, ENTRY_STATES[state]]);
}

Deno.test("each recorded address of a pool has its state", () => {
  const keeper = { kind: "StatefulSet", name: "db", uid: "1" } as const;
  const stored = pool(KEY, [
    allocation("10.0.0.9", "a/used"),
    allocation("10.0.0.1", "a/leaked"),
    allocation("10.0.0.2", "a/twice"),
    allocation("10.0.0.3", "a/db-0", { keeper, containerId: "" }),
    allocation("10.0.0.4", "a/db-1", { keeper }),
    allocation("10.0.0.5", "a/unreserved"),
  ], {
    reuse: {
      after: 60_000,
      rests: new Map([[valueOf("10.0.0.6"), { podRef: "a/old", ifName: "net1", since: NOW - 1_000 }]]),
    },
  });
  const detail = detailOf(reading([stored], {
    records: {
      reservations: [
        reservation("10.0.0.9", "a/used"),
        reservation("10.0.0.7", "b/other"),
        reservation("10.0.0.8", "b/stray"),
      ],
    },
    inspected: {
      findings: [
        finding("orphan", "10.0.0.1"),
        finding("duplicate", "10.0.0.2"),
        finding("entry-without-reservation", "10.0.0.5"),
        finding("reservation-without-entry", "10.0.0.8", { subject: "reservation" }),
        finding("pod-address-unallocated", "10.0.0.10", { subject: "pod", podRef: "c/pod" }),
      ],
      unconfirmed: [],
    },
  }));
  assert.deepEqual(states(detail), [
    [1, "leaked"],
    [2, "conflict"],
    [3, "stopped"],
    [4, "used"],
    [5, "used"],
    [6, "resting"],
    [7, "reserved"],
    [8, "leaked"],
    [9, "used"],
    [10, "conflict"],
  ]);
  assert.match(`${detail.entries[2]?.[6]}`, /^kept by StatefulSet db$/);
  assert.equal(detail.entries[9]?.[2], "c/pod");
});

Deno.test("an address that is kept for lack of evidence is in use, with the missing evidence", () => {
  const one = allocation("10.0.0.1", "a/silent");
  const detail = detailOf(reading([pool(KEY, [one])], {
    inspected: { findings: [], unconfirmed: [{ key: KEY, allocation: one, why: "the pod has no status" }] },
  }));
  assert.deepEqual(states(detail), [[1, "used"]]);
  assert.equal(detail.entries[0]?.[6], "not confirmed: the pod has no status");
});

Deno.test("findings and reservations of another network do not mark an address", () => {
  const named = keyOf("10.0.0.0/28", { network: "blue" });
  const detail = detailOf(
    reading([pool(named, [allocation("10.0.0.1", "a/b")])], {
      records: { reservations: [reservation("10.0.0.2", "a/c")] },
      inspected: { findings: [finding("orphan", "10.0.0.1")], unconfirmed: [] },
    }),
    "blue/10.0.0.0/28",
  );
  assert.deepEqual(states(detail), [[1, "used"]]);
});

Deno.test("a pool gets the reservations inside it, and none of its neighbours", () => {
  const reservations = ["10.0.0.15", "10.0.0.16", "10.0.0.31", "10.0.0.32"].map((ip) => reservation(ip, "a/b"));
  const detail = detailOf(reading([pool(keyOf("10.0.0.16/28"), [])], { records: { reservations } }), "10.0.0.16/28");
  assert.deepEqual(states(detail), [[0, "reserved"], [15, "reserved"]]);
});

Deno.test("the node of an address is that of its entry, else that of its pod, else that of its slice", () => {
  const slice = keyOf("10.0.0.0/28", { node: "n3" });
  const stored = [
    allocation("10.0.0.1", "a/b", { node: "n1" }),
    allocation("10.0.0.2", "a/b"),
    allocation("10.0.0.3", "a/c"),
  ];
  const pods = [{
    podRef: "a/b",
    node: "n2",
    finished: false,
    running: true,
    networks: [],
  }] as unknown as Reading["records"]["pods"];
  const detail = detailOf(reading([pool(KEY, stored)], { records: { pods } }));
  assert.deepEqual(detail.entries.map(([, , , , node]) => node), ["n1", "n2", ""]);
  const sliced = detailOf(reading([pool(slice, stored)]), "n3/10.0.0.0/28");
  assert.deepEqual(sliced.entries.map(([, , , , node]) => node), ["n1", "n3", "n3"]);
});

Deno.test("addresses that are never allocated are intervals: out of bounds, excluded, or not picked", () => {
  const range = {
    ...usable(KEY.cidr),
    cidr: KEY.cidr,
    first: valueOf("10.0.0.2"),
    last: valueOf("10.0.0.12"),
    excludes: [{ first: valueOf("10.0.0.3"), last: valueOf("10.0.0.4") }, {
      first: valueOf("10.0.0.12"),
      last: valueOf("10.0.0.99"),
    }],
  };
  const of = (rangeOf: () => typeof range) => detailOf(reading([pool(KEY, [])], { source: { rangeOf } }));
  assert.deepEqual(of(() => range).unavailable, [[0, 1], [3, 4], [12, 15]]);
  assert.equal(of(() => range).skipsZero, true);
  const picks = ["10.0.0.5", "10.0.0.7"].map(valueOf);
  assert.deepEqual(of(() => ({ ...range, picks, excludes: [] })).unavailable, [[0, 4], [6, 6], [8, 15]]);
});

Deno.test("an offset that a number would round is decimal text", () => {
  const six = keyOf("fd00::/64");
  const detail = detailOf(
    reading([pool(six, [allocation("fd00::1", "a/b"), allocation("fd00::ffff:ffff:ffff:fffe", "a/c")])]),
    "fd00::/64",
  );
  assert.deepEqual(detail.entries.map(([offset]) => offset), [1, `${(1n << 64n) - 2n}`]);
  assert.equal(parseIp("fd00::ffff:ffff:ffff:fffe")?.value, six.cidr.base + BigInt(detail.entries[1]?.[0] ?? 0));
});
