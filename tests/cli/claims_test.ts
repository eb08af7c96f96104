import assert from "node:assert/strict";
import { database, run } from "./lab.ts";

Deno.test("claims reports that nothing keeps an address", async () => {
  await using db = await database();
  const { code, out } = await run("claims", "--database", db.path);
  assert.deepEqual([code, out], [0, `No IPAMClaim or StatefulSet keeps an address in database ${db.path}\n`]);
  assert.deepEqual(JSON.parse((await run("claims", "--json", "--database", db.path)).out), []);
});
