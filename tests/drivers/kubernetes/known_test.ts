import assert from "node:assert/strict";
import fc from "fast-check";
import { choosePool, chooseReservation, isDoubtful, type KnownPool } from "../../../drivers/kubernetes/known.ts";
import { poolKeys, reservationKeys } from "../../../drivers/kubernetes/names.ts";
import { poolName, reservationName } from "../../../drivers/kubernetes/names.ts";
import { cidrOf, formatCidr, parseCidr } from "../../../src/address/cidr.ts";
import { formatIp, type Ip, parseIp, sameIp } from "../../../src/address/ip.ts";
import { formatPoolKey, mayBeOf, type PoolKey } from "../../../src/pool/types.ts";

const RANGE = "10.0.0.0/27";

function chosen(name: string, networks: readonly string[], slices: readonly (readonly [string, string])[]): PoolKey {
  const [first, ...rest] = poolKeys({ name }, RANGE);
  assert(first);
  return choosePool([first, ...rest], new Set(networks), slices.map(([pool, node]) => ({ pool, node, cidr: RANGE })));
}

const POOLS: readonly (readonly [string, readonly string[], readonly (readonly [string, string])[], string])[] = [
  ["10.0.0.0-27", [], [], `${RANGE}`],
  ["worker-1-10.0.0.0-27", [], [["net1", "worker-1"]], `worker-1/${RANGE}`],
  ["net-a-worker-1-10.0.0.0-27", [], [["net-a", "worker-1"]], `net-a/worker-1/${RANGE}`],
  ["net-a-worker-1-10.0.0.0-27", [], [["other", "worker-1"]], `net-a-worker-1/${RANGE} or , net, net-a, net-a-worker`],
  ["net-a-10.0.0.0-27", ["net-a"], [], `net-a/${RANGE}`],
  ["net-a-10.0.0.0-27", ["net-a"], [["net", "a"]], `net-a/${RANGE} or , net`],
  ["blue-10.0.0.0-27", [], [], `blue/${RANGE} or `],
];

for (const [name, networks, slices, wanted] of POOLS) {
  Deno.test(`choosePool reads ${name} by networks ${networks} and slices ${slices.join(" ")} as ${wanted}`, () => {
    const { otherReadings, ...key } = chosen(name, networks, slices);
    const [first = "", also] = wanted.split(" or ");
    assert.equal(formatPoolKey(key), first);
    assert.deepEqual(otherReadings?.map(({ network }) => network).toSorted(), also?.split(", "));
    assert.equal(isDoubtful({ ...key, ...(otherReadings && { otherReadings }) }, []), false);
  });
}

const tricky = fc.constantFrom(
  "",
  "cafe",
  "1001",
  "vlan-1234",
  "vlan",
  "net-be",
  "net",
  "fd00",
  "fd00-77",
  "2026",
  "10.0.0.1",
);
const nodes = fc.constantFrom("", "n1", "1234", "be", "vlan-1234", "cafe");

Deno.test("choosePool returns the right key or one in doubt, whatever networks and slices are known", () => {
  const slices = fc.array(fc.record({ pool: tricky, node: nodes, cidr: fc.constant(RANGE) }));
  fc.assert(
    fc.property(tricky, nodes, fc.array(tricky), slices, (network, node, networks, others) => {
      const cidr = parseCidr(RANGE)?.cidr;
      assert(cidr);
      const truth: PoolKey = { network, ...(node && { node }), cidr };
      const [first, ...rest] = poolKeys({ name: poolName(truth) }, RANGE);
      assert(first);
      // a pool in use has an object with its network, or a NodeSlicePool with its slice
      const known = node === "" ? [...networks, network] : networks;
      const own = { pool: network || "net1", node, cidr: RANGE };
      const key = choosePool([first, ...rest], new Set(known), node === "" ? others : [...others, own]);
      assert(mayBeOf(key, network), `${poolName(truth)} of ${network} read as ${formatPoolKey(key)}`);
      if (!key.otherReadings) assert.deepEqual(key, truth);
    }),
    { numRuns: 2_000 },
  );
});

function poolOf(network: string, ip: Ip, podref?: string): KnownPool {
  const key: PoolKey = { network, cidr: cidrOf(ip, ip.family === 4 ? 24 : 64) };
  return { key, entries: new Map(podref === undefined ? [] : [[formatIp(ip), { podref, ifname: "net1" }]]) };
}

const addresses = fc.constantFrom(
  "2001:db8::1",
  "fd00:77::1",
  "fd00::",
  "1234:fd00::1",
  "be::5",
  "10.0.0.1",
  "::1",
  "cafe::",
);

Deno.test("chooseReservation returns the right key or is in doubt, for every reservation with a stored entry or pool", () => {
  const others = fc.array(fc.tuple(tricky, addresses, fc.constantFrom("d/a", "d/b")), { maxLength: 4 });
  fc.assert(
    fc.property(tricky, addresses, fc.boolean(), others, (network, address, hasEntry, rest) => {
      const ip = ipOf(address);
      const pools = rest.map(([other, at, podref]) => poolOf(other, ipOf(at), podref))
        // the same interface has no second entry in another network that the name may also mean
        .filter(({ key, entries }) =>
          key.network === network || [...entries.values()].every(({ podref }) => podref !== "d/a")
        );
      const keys = reservationKeys({ name: reservationName(network, ip) });
      const own = poolOf(network, ip, hasEntry ? "d/a" : undefined);
      const key = chooseReservation(keys, { podref: "d/a", ifname: "net1" }, [...pools, own]);
      if (key) {
        assert(
          key.network === network && sameIp(key.ip, ip),
          `${network} ${address}: ${key.network} ${formatIp(key.ip)}`,
        );
      } else assert(keys.length > 1);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("chooseReservation finds the entry of the pod among several readings", () => {
  const ip = ipOf("fd00:77::1");
  const keys = reservationKeys({ name: reservationName("vlan-1234", ip) });
  const pools = [poolOf("vlan-1234", ip, "d/a"), poolOf("vlan", ipOf("1234:fd00:77::1"), "d/b")];
  const owner = { podref: "d/a", ifname: "net1" };
  assert.deepEqual(chooseReservation(keys, owner, pools), { network: "vlan-1234", ip });
  assert.equal(chooseReservation(keys, { podref: "d/c" }, pools), undefined);
  assert.deepEqual(chooseReservation(keys, { podref: "d/c" }, pools.slice(0, 1)), { network: "vlan-1234", ip });
  assert.equal(chooseReservation(keys, owner, []), undefined);
});

function ipOf(text: string): Ip {
  const ip = parseIp(text);
  assert(ip, text);
  return ip;
}

Deno.test("isDoubtful holds for a pool with several readings only if nodes have slices", () => {
  const key = chosen("blue-10.0.0.0-27", [], []);
  assert.equal(isDoubtful(key, [{ pool: "net1", node: "n1", cidr: formatCidr(key.cidr) }]), true);
  assert.equal(isDoubtful(key, []), false);
});
