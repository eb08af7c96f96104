import assert from "node:assert/strict";
import fc from "fast-check";
import { usable } from "../../src/address/cidr.ts";
import { decide } from "../../src/pool/decide.ts";
import { Draft } from "../../src/pool/draft.ts";
import { allocateRequest } from "../../src/pool/requests.ts";
import { type Allocation, sameInterface } from "../../src/pool/types.ts";
import { anyOwner, anyPool, at, cidr, commit, entries, entry, octets, owner, pool, range } from "./pools.ts";

const steps = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 14 }), fc.option(anyOwner, { freq: 2, nil: undefined })),
  { maxLength: 20 },
);

Deno.test("Draft reads like a map with the same writes, and leaves the stored pool unchanged", () => {
  fc.assert(
    fc.property(anyPool, steps, anyOwner, (stored, writes, who) => {
      const before = entries(stored);
      const draft = new Draft(stored);
      const model = new Map(stored);
      for (const [octet, holder] of writes) {
        const allocation: Allocation | undefined = holder && { address: at(octet), ...holder };
        draft.set(at(octet), allocation);
        if (allocation) model.set(at(octet), allocation);
        else model.delete(at(octet));
        assert.deepEqual(draft.get(at(octet)), allocation);
        const own = [...model.values()].filter((one) => sameInterface(one, who)).map(({ address }) => address);
        assert.deepEqual(octets(draft.ofInterface(who).map(({ address }) => address)), octets(own));
      }
      assert.deepEqual(entries(new Map([...draft.all()].map((one) => [one.address, one]))), entries(model));
      assert.deepEqual(entries(commit(stored, { changes: draft.changes() })), entries(model));
      assert.deepEqual(entries(stored), before);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("Draft finds the lowest free address after any write", () => {
  const bounds = range(1, 12, [4, 5]);
  fc.assert(
    fc.property(anyPool, steps, fc.array(fc.integer({ min: 1, max: 14 })), (stored, writes, some) => {
      const draft = new Draft(stored);
      for (const [octet, holder] of writes) {
        draft.set(at(octet), holder && { address: at(octet), ...holder });
        const excluded = octet % 2 === 0 ? new Set(some.map(at)) : new Set<bigint>();
        const fresh = [1, 2, 3, 6, 7, 8, 9, 10, 11, 12].map(at).find((one) => !draft.get(one) && !excluded.has(one));
        assert.equal(draft.lowestFree(bounds, excluded), fresh);
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("Draft reports no change for addresses that end as they began", () => {
  const draft = new Draft(pool({ 1: "a/net1/x", 2: "b/net1/y" }));
  draft.set(at(1), undefined);
  draft.set(at(1), { ...entry(1, "a/net1/x") });
  draft.set(at(3), entry(3, "c/net1/z"));
  draft.set(at(3), undefined);
  assert.deepEqual(draft.changes(), []);
});

Deno.test("Draft scans a pool once for a batch of allocations", () => {
  const network = cidr("10.0.0.0/16");
  const bounds = { cidr: network, ...usable(network), excludes: [] };
  let lookups = 0;
  class CountingMap extends Map<bigint, Allocation> {
    override get(key: bigint): Allocation | undefined {
      lookups++;
      return super.get(key);
    }
  }
  const stored = new CountingMap();
  for (let i = 1; i <= 250; i++) {
    stored.set(network.base + BigInt(i), { address: network.base + BigInt(i), ...owner(`p${i}/net1/c`) });
  }
  const claims = Array.from({ length: 1_000 }, (_, i) => allocateRequest(owner(`new${i}/net1/c`), bounds));
  const { changes } = decide(stored, claims);
  assert.equal(changes.length, 1_000);
  assert(lookups < 10_000, `${lookups} look-ups for 1,000 requests and 250 entries`);
});
