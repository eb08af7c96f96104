import assert from "node:assert/strict";
import { markNodeLocal, nodeLocalAdvice, nodeLocalStores } from "../../src/config/node_local.ts";
import { memoryWorld } from "../support/world.ts";

const STORE = { database: "/var/lib/cni/whereabouts/whereabouts.db", network: "net", pod: "default/web-0" };

Deno.test("markNodeLocal marks each database once, with the first pod, and nodeLocalStores lists them", async () => {
  for (const env of [{}, { WHEREABOUTS_JOURNAL: "/journal" }, { WHEREABOUTS_JOURNAL: "off" }]) {
    const world = memoryWorld({ env, now: 1_000 });
    assert.deepEqual(await nodeLocalStores(world), []);
    assert.equal(await markNodeLocal(world, STORE), true);
    assert.equal(await markNodeLocal(world, { ...STORE, pod: "default/web-1" }), false);
    const long = { ...STORE, database: `/${"long/".repeat(100)}db` };
    assert.equal(await markNodeLocal(world, long), true);
    assert.equal(await markNodeLocal(world, { ...STORE, database: ":memory:" }), false);
    const stores = await nodeLocalStores(world);
    assert.deepEqual(stores.map(({ database, pod, since }) => [database, pod, since]).sort(), [
      [long.database, "default/web-0", "1970-01-01T00:00:01.000Z"],
      [STORE.database, "default/web-0", "1970-01-01T00:00:01.000Z"],
    ]);
    for (const one of stores) {
      assert.ok(world.files.has(one.mark) && one.mark.slice(one.mark.lastIndexOf("/")).length < 200, one.mark);
      const advice = nodeLocalAdvice(one);
      for (const part of [one.database, one.mark, "default/web-0", "network net"]) {
        assert.ok(advice.includes(part), advice);
      }
    }
  }
});

Deno.test("nodeLocalStores skips invalid marks", async () => {
  const folder = "/var/lib/cni/whereabouts/node-local";
  const files = {
    [`${folder}/a.json`]: "{",
    [`${folder}/b.json`]: "[]",
    [`${folder}/c`]: "{}",
    [`${folder}/d.json`]: new Error("no"),
  };
  assert.deepEqual(await nodeLocalStores(memoryWorld({ files })), []);
});
