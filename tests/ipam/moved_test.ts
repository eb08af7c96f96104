import assert from "node:assert/strict";
import { poolsOf } from "../../src/ipam/ipam.ts";
import { movedPool } from "../../src/ipam/moved.ts";
import { resize } from "../../src/ipam/resize.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { faulty } from "../support/faulty.ts";
import { callers, config, contents, ipamOn, memory, never, range, type Records } from "./lab.ts";

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

Deno.test("DEL and CHECK find an entry in both pools of a move back that ended at any operation", async () => {
  const [first, second] = [config(["10.0.0.0/29"]), config(["10.0.0.0/24"])];
  const [[one], [other]] = [poolsOf(first), poolsOf(second)];
  assert(one && other);
  let cuts = 0;
  for (const withRecord of [true, false]) {
    for (let at = 0;; at++) {
      await using driver = await memory();
      const records: Records = new Map();
      const { add, del, check } = callers(driver, undefined, undefined, records);
      await add("a/net1/x", first);
      const move = { dryRun: false, signal: never() };
      await resize(ipamOn(driver), one, other, move);
      let failed = false;
      const broken = faulty(driver, ({ index }) => {
        failed ||= index === at;
        return failed ? { done: false, then: "refused" } : undefined;
      });
      await resize(ipamOn(broken), other, one, move).catch(() => {});
      if (!failed) break;
      cuts++;
      await check("a/net1/x", first, ["10.0.0.1"]);
      if (!withRecord) records.clear();
      await del("a/net1/x", first);
      assert.deepEqual(await contents(driver), {}, `cut at ${at}`);
    }
  }
  assert(cuts > 10, `${cuts}`);
});
