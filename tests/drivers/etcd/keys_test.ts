import assert from "node:assert/strict";
import {
  decodeKey,
  decodeLegacyKey,
  encodeKey,
  legacyKeys,
  legacyLock,
  legacyRanges,
  poolsPrefix,
} from "../../../drivers/etcd/keys.ts";
import { type Cidr, parseCidr } from "../../../src/address/cidr.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return parsed.cidr;
}

const KEYS = [
  [{ network: "", cidr: cidr("10.0.0.0/24") }, "/w/pools/_/_/10.0.0.0/24"],
  [{ network: "blue", cidr: cidr("10.0.0.0/24") }, "/w/pools/blue/_/10.0.0.0/24"],
  [{ network: "", node: "node1", cidr: cidr("fd00::/64") }, "/w/pools/_/node1/fd00::/64"],
  [{ network: "a-b", node: "c.d", cidr: cidr("fd00::/64") }, "/w/pools/a-b/c.d/fd00::/64"],
] as const;

for (const [key, text] of KEYS) {
  Deno.test(`encodeKey writes ${text}, and decodeKey reads it`, () => {
    assert.equal(encodeKey("/w", key), text);
    assert.deepEqual(decodeKey("/w", text), key);
    assert(text.startsWith(poolsPrefix("/w")));
  });
}

Deno.test("decodeKey refuses other keys", () => {
  const others = [
    "/w/10.0.0.0/24",
    "/w/pools/_/_/10.0.0.0",
    "/w/pools/_/10.0.0.0/24",
    "/w/pools///10.0.0.0/24",
    "/other/pools/_/_/10.0.0.0/24",
    "",
  ];
  assert.deepEqual(others.map((text) => decodeKey("/w", text)), others.map(() => undefined));
});

Deno.test("legacyKeys are those of the original, which had neither networks nor nodes", () => {
  assert.deepEqual(legacyKeys({ network: "", cidr: cidr("192.168.2.224/28") }), [
    "/whereabouts/192.168.2.224/28",
    "/192.168.2.224/28",
  ]);
  assert.deepEqual(legacyKeys({ network: "blue", cidr: cidr("192.168.2.224/28") }), []);
  assert.deepEqual(legacyKeys({ network: "", node: "n", cidr: cidr("192.168.2.224/28") }), []);
});

const LEGACY = [
  ["/whereabouts/192.168.2.224/28", "192.168.2.224/28", "/whereabouts/192.168.2.224/28"],
  ["/whereabouts/fd00::/64", "fd00::/64", "/whereabouts/fd00::/64"],
  ["/192.168.2.225/28", "192.168.2.224/28", "/whereabouts"],
  ["/192.168.2.225-192.168.2.230/28", "192.168.2.224/28", "/whereabouts"],
  ["/fd00::5/64", "fd00::/64", "/whereabouts"],
] as const;

for (const [name, range, lock] of LEGACY) {
  Deno.test(`decodeLegacyKey reads ${name}, which is in legacyRanges and locked by ${lock}`, () => {
    const key = decodeLegacyKey(name);
    assert.deepEqual(key, { network: "", cidr: cidr(range) });
    assert.equal(legacyLock(name), lock);
    const within = (ranges: { start: string; end: string }[]) =>
      ranges.some(({ start, end }) => start <= name && name < end);
    assert(within(legacyRanges()));
    if (!name.startsWith("/whereabouts")) assert(within(legacyRanges(key)));
  });
}

Deno.test("decodeLegacyKey refuses other keys", () => {
  const others = [
    "/whereabouts/pools/_/_/10.0.0.0/24",
    "/whereabouts/10.0.0.0/24/3f2a",
    "/whereabouts/3f2a",
    "/registry/10.0.0.0/24",
    "10.0.0.0/24",
  ];
  assert.deepEqual(others.map(decodeLegacyKey), others.map(() => undefined));
});
