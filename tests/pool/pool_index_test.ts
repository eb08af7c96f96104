import assert from "node:assert/strict";
import fc from "fast-check";
import { cidrOf, contains } from "../../src/address/cidr.ts";
import { type Ip, parseIp } from "../../src/address/ip.ts";
import { PoolIndex } from "../../src/pool/pool_index.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";

const ip = fc.oneof(
  fc.integer({ min: 0x0a000000, max: 0x0a0003ff }).map((value): Ip => ({ family: 4, value: BigInt(value) })),
  fc.integer({ min: 0, max: 1023 }).map((value): Ip => ({ family: 6, value: (0xfd00n << 112n) + BigInt(value) })),
);
const key = fc.record({ network: fc.constantFrom("", "blue"), ip, host: fc.constantFrom(0, 2, 6, 8, 32) })
  .map(({ network, ip, host }): PoolKey => ({ network, cidr: cidrOf(ip, (ip.family === 4 ? 32 : 128) - host) }));

Deno.test("containing finds the pools that a comparison with each finds, in their order", () => {
  fc.assert(fc.property(fc.array(key, { maxLength: 30 }), ip, (keys, address) => {
    const pools = keys.map((key, i) => ({ key, i }));
    assert.deepEqual(
      new PoolIndex(pools).containing(address),
      pools.filter(({ key: { cidr } }) => contains(cidr, address)),
    );
  }));
});

Deno.test("get returns the first pool of a key", () => {
  fc.assert(fc.property(fc.array(key, { maxLength: 30 }), (keys) => {
    const pools = keys.map((key, i) => ({ key, i }));
    const index = new PoolIndex(pools);
    for (const { key } of pools) {
      assert.equal(index.get(key), pools.find((one) => formatPoolKey(one.key) === formatPoolKey(key)));
    }
  }));
  const other = parseIp("10.9.0.0");
  assert(other);
  assert.equal(new PoolIndex<{ key: PoolKey }>([]).get({ network: "", cidr: cidrOf(other, 24) }), undefined);
});
