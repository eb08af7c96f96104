import assert from "node:assert/strict";
import { divide } from "../../src/ipam/divide.ts";
import { poolsOf } from "../../src/ipam/ipam.ts";
import { join } from "../../src/ipam/join.ts";
import { callers, config, contents, ipamOn, memory, never, type Records } from "./lab.ts";

Deno.test("CHECK and DEL find an entry that was divided, and joined to the pool of another range that shares the block", async () => {
  await using driver = await memory();
  const [whole, half] = [config(["10.0.0.0/28"]), config(["10.0.0.0/29"])];
  const pools = [whole, half].flatMap((one) => poolsOf(one));
  const records: Records = new Map();
  const { add, del, check } = callers(driver, undefined, undefined, records);
  await add("a/net1/x", half);
  await add("b/net1/y", half);
  for (const command of [divide, join]) {
    for (const [i, key] of pools.entries()) {
      await command(ipamOn(driver), key, 30, { dryRun: false, others: pools.slice(i + 1), signal: never() });
    }
  }
  const entries = Object.keys(await contents(driver)).filter((key) => !key.startsWith("reserved"));
  assert.deepEqual(entries, ["10.0.0.0/28 10.0.0.1", "10.0.0.0/28 10.0.0.2"]);
  await check("a/net1/x", half, ["10.0.0.1"]);
  assert.deepEqual(await del("a/net1/x", half), ["10.0.0.1"], "by the record of the node");
  records.clear();
  assert.deepEqual(await del("b/net1/y", half), ["10.0.0.2"], "without it");
  assert.deepEqual(await contents(driver), {});
});
