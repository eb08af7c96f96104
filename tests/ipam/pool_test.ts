import assert from "node:assert/strict";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { Pool } from "../../src/ipam/pool.ts";
import { SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";
import { config, never, owner } from "./lab.ts";

/** A pool of a range on a store in memory, which a test may also change in other ways. */
async function open(range: string) {
  const driver = await openEmbedded({ kind: "embedded", path: ":memory:" });
  const ipam = directIpam(driver, memoryWorld(), SILENT);
  const settings = config([range]);
  const [first] = settings.ranges;
  assert(first);
  const dispose = () => driver[Symbol.asyncDispose]();
  return { ipam, settings, pool: new Pool({ ...ipam, [Symbol.asyncDispose]: dispose }, settings, first) };
}

Deno.test("Pool.allocate returns the same address to the same owner, and another one to another interface of it", async () => {
  const { pool } = await open("10.0.0.0/24");
  await using _ = pool;
  assert.equal(await pool.allocate("a"), "10.0.0.1");
  assert.equal(await pool.allocate("a"), "10.0.0.1");
  assert.equal(await pool.allocate("a", { interface: "second" }), "10.0.0.2");
  assert.equal(await pool.allocate("b"), "10.0.0.3");
  assert.equal(await pool.release("a"), "10.0.0.1");
  assert.equal(await pool.release("a"), undefined);
  assert.deepEqual(await pool.list(), [
    { address: "10.0.0.2", owner: "a", interface: "second" },
    { address: "10.0.0.3", owner: "b", interface: "pool" },
  ]);
});

Deno.test("Pool.free computes the first addresses of a /64 without the others", async () => {
  const { pool } = await open("fd00::/64");
  await using _ = pool;
  await pool.allocate("a");
  assert.deepEqual((await pool.free()).take(3).toArray(), ["fd00::2", "fd00::3", "fd00::4"]);
});

Deno.test("Pool.free omits addresses that another pool reserved, and excluded ones", async () => {
  const { pool, ipam, settings } = await open("10.0.0.0/29!10.0.0.3");
  await using _ = pool;
  const wide = config(["10.0.0.0/28"], { networkName: settings.networkName });
  await allocate(ipam, wide, owner("web/net1/9f1c"), never()); // reserves 10.0.0.1 for all pools of the domain
  assert.deepEqual((await pool.free()).toArray(), ["10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
  assert.equal(await pool.allocate("a"), "10.0.0.2");
});

Deno.test("Pool.release keeps what the plugin allocated to a pod of that name", async () => {
  const { pool, ipam, settings } = await open("10.0.0.0/24");
  await using _ = pool;
  await allocate(ipam, settings, owner("web/net1/9f1c"), never());
  assert.equal(await pool.release("web"), undefined);
  assert.deepEqual((await pool.list()).map(({ address, owner }) => `${address} ${owner}`), ["10.0.0.1 web"]);
});

Deno.test("Pool ends a call when its signal aborts, and refuses an owner without a name", async () => {
  const { pool } = await open("10.0.0.0/24");
  await using _ = pool;
  const gone = new Error("stopped");
  await assert.rejects(pool.allocate("a", { signal: AbortSignal.abort(gone) }), /stopped/);
  await assert.rejects(pool.allocate(""), /Invalid owner ""/);
  assert.deepEqual(await pool.list({ signal: never() }), []);
});

Deno.test("Pool refuses an owner in a cluster that is not named like a pod", async () => {
  const { pool, ipam, settings } = await open("10.0.0.0/24");
  await using _ = pool;
  const namespace = { name: "kube-system", inUse: () => Promise.resolve(new Map<string, number>()) };
  const driver = { ...ipam.driver, namespace };
  const [range] = settings.ranges;
  assert(range);
  const inCluster = new Pool({ ...ipam, driver, [Symbol.asyncDispose]: () => Promise.resolve() }, settings, range);
  await assert.rejects(inCluster.allocate("printer"), /Invalid owner "printer": expected NAMESPACE\/NAME of a pod/);
});
