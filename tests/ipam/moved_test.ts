import assert from "node:assert/strict";
import { movedPool } from "../../src/ipam/moved.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { range } from "./lab.ts";

Deno.test("movedPool has the key of the other range, and the addresses that both ranges have", () => {
  const former = range("10.0.0.0/24");
  const key = { network: "blue", cidr: former.cidr };
  const { cidr } = range("10.0.0.0/25");
  const moved = movedPool({ key, range: former }, cidr);
  assert.deepEqual(moved.key, { network: "blue", cidr });
  assert.deepEqual([moved.range.first, moved.range.last], [former.first, cidr.base + 126n]);
  assert.throws(() => movedPool({ key, range: former }, range("10.1.0.0/24").cidr), (error) => {
    assert(error instanceof RefusedError);
    assert.match(error.message, /blue\/10\.0\.0\.0\/24 was moved to 10\.1\.0\.0\/24, which has none of its addresses/);
    return true;
  });
});
