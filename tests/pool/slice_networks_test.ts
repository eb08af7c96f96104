import assert from "node:assert/strict";
import { usable } from "../../src/address/cidr.ts";
import { type NetworkRange, settle, type SlicedRange, type Standing } from "../../src/pool/slice_networks.ts";
import { cidr } from "./pools.ts";

function plain(by: string, text: string, more: Partial<NetworkRange> = {}): NetworkRange {
  const whole = cidr(text);
  return { by, network: "", range: { cidr: whole, ...usable(whole), excludes: [] }, reserves: false, ...more };
}

function sliced(by: string, name: string, text: string, prefix: number, more: Partial<NetworkRange> = {}): SlicedRange {
  return { ...plain(by, text, more), name, size: `/${prefix}`, prefix };
}

/** NodeSlicePools with slices in use, and ranges without slices that have addresses in use. */
function usage(
  used: readonly string[] = [],
  stored: readonly string[] = [],
  plainUsed: readonly string[] = [],
): Standing {
  const among = (names: readonly string[], members: readonly SlicedRange[]) =>
    members.some(({ by }) => names.includes(by));
  return {
    ofGroup: ({ members }) => among(used, members) ? "used" : among(stored, members) ? "stored" : "new",
    isUsed: ({ by }) => plainUsed.includes(by),
  };
}

function settled(ranges: readonly SlicedRange[], plains: readonly NetworkRange[] = [], how = usage()) {
  const { groups, refused, closed } = settle(ranges, plains, how);
  return {
    groups: groups.map(({ members }) => members.map(({ by }) => by).join(" ")).sort(),
    refused: refused.map(({ of }) => of.by).sort(),
    closed: closed.map(({ of }) => of.by).sort(),
    messages: [...refused, ...closed].map(({ message }) => message),
  };
}

Deno.test("settle groups networks of one domain, range and slice size, whatever their names", () => {
  const same = [sliced("p/b", "net-b", "10.0.0.0/24", 26), sliced("p/a", "net-a", "10.0.0.0/24", 26)];
  assert.deepEqual(settled(same).groups, ["p/a p/b"]);
  const other = sliced("p/c", "blue", "10.0.0.0/24", 26, { network: "blue" });
  assert.deepEqual(settled([...same, other]).groups, ["p/a p/b", "p/c"]);
});

Deno.test("settle accepts a network with slices in use before a new one, whatever sorts first, and names both and the remedy", () => {
  const newcomer = sliced("a/net", "storage", "192.168.0.0/24", 26);
  const standingOne = sliced("prod/net", "storage", "10.1.0.0/24", 26);
  for (const how of [usage(["prod/net"]), usage([], ["prod/net"])]) {
    const { groups, refused, messages } = settled([newcomer, standingOne], [], how);
    assert.deepEqual([groups, refused], [["prod/net"], ["a/net"]]);
    assert.match(
      messages[0] ?? "",
      /prod\/net, which uses 10\.1\.0\.0\/24 by \/26; this network uses 192\.168\.0\.0\/24.*network_name/,
    );
  }
  assert.deepEqual(settled([newcomer, standingOne], [], usage(["prod/net"], ["a/net"])).groups, ["prod/net"]);
  assert.deepEqual(settled([newcomer, standingOne]).groups, ["a/net"]);
});

Deno.test("settle refuses ranges of one domain that overlap partly, or have two slice sizes", () => {
  const first = sliced("p/a", "net-a", "10.0.0.0/16", 24);
  for (const second of [sliced("p/b", "net-b", "10.0.3.0/24", 26), sliced("p/b", "net-b", "10.0.0.0/16", 25)]) {
    const { groups, refused, messages } = settled([second, first]);
    assert.deepEqual([groups, refused], [["p/a"], ["p/b"]]);
    assert.match(
      messages[0] ?? "",
      /NodeSlicePool net-b of 10\.0\.\d\.0\/\d+ by \/2\d is refused.*10\.0\.0\.0\/16 by \/24 of p\/a/,
    );
    assert.deepEqual(settled([first, { ...second, network: "blue" }]).refused, []);
  }
  assert.deepEqual(settled([first, sliced("p/b", "net-b", "10.1.0.0/16", 24)]).refused, []);
});

Deno.test("settle closes the pool of a network without slices that overlaps one with slices, unless both reserve", () => {
  const slices = sliced("p/a", "net-a", "10.0.0.0/24", 26);
  const inside = plain("p/b", "10.0.0.128/25");
  const { closed, messages } = settled([slices], [inside, plain("p/c", "10.1.0.0/24")]);
  assert.deepEqual(closed, ["p/b"]);
  assert.match(
    messages[0] ?? "",
    /10\.0\.0\.128\/25 reservations 10\.0\.0\.0\/24.*NodeSlicePool net-a.*node_slice_size "\/26"/,
  );
  const reserved = sliced("p/a", "net-a", "10.0.0.0/24", 26, { reserves: true });
  assert.deepEqual(settled([reserved], [inside]).closed, ["p/b"]);
  assert.deepEqual(settled([reserved], [{ ...inside, reserves: true }]).closed, []);
});

Deno.test("settle refuses new slices that overlap a network without slices that has addresses in use", () => {
  const slices = sliced("p/a", "net-a", "10.0.0.0/24", 26);
  const inside = plain("p/b", "10.0.0.0/24");
  const { groups, refused, closed } = settled([slices], [inside], usage([], [], ["p/b"]));
  assert.deepEqual([groups, refused, closed], [[], ["p/a"], []]);
  assert.deepEqual(settled([slices], [inside], usage([], ["p/a"], ["p/b"])).closed, ["p/b"]);
});

Deno.test("settle handles three thousand overlapping networks by searches, not by pairs", () => {
  const many = Array.from(
    { length: 3_000 },
    (_, i) => sliced(`p/${i}`, `net-${i}`, `10.${i >> 8}.${i & 255}.0/24`, 26),
  );
  assert.equal(settled([...many, sliced("q/all", "all", "10.0.0.0/8", 24)]).groups.length, 3_000);
});
