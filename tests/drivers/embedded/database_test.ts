import assert from "node:assert/strict";
import { Database } from "../../../drivers/embedded/database.ts";

Deno.test("Database prepares each statement once, and binds the parameters of each call", () => {
  const database = new Database(":memory:");
  database.exec("CREATE TABLE t (a INTEGER)");
  for (const a of [1, 2]) database.prepare("INSERT INTO t VALUES (?)").run(a);
  const select = database.prepare("SELECT a FROM t WHERE a = ?");
  assert.equal(database.prepare("SELECT a FROM t WHERE a = ?"), select);
  assert.deepEqual([1, 2, 3].map((a) => select.get(a)?.a), [1, 2, undefined]);
  assert.throws(() => database.prepare("SELECT b FROM t"), /no such column/);
  database.close();
});
