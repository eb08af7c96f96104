import assert from "node:assert/strict";
import { database, run } from "./lab.ts";

Deno.test("show lists pools in columns, one pool with its allocations, and JSON", async () => {
  await using db = await database();
  const { out } = await run("show", "--database", db.path);
  assert.deepEqual(out.split("\n").slice(0, 3).map((line) => line.split(/\s{2,}/)), [
    ["POOL", "USED", "FREE", "CAPACITY", "FULL"],
    ["10.0.0.0/28", "2", "12", "14", "14 %"],
    ["fd00::/124", "2", "12", "14", "14 %"],
  ]);
  const one = await run("show", "10.0.0.0/28", "--map", "--database", db.path);
  assert.match(one.out, /10\.0\.0\.0 +-██·{12}-\n/);
  assert.match(one.out, /10\.0\.0\.2 +default\/web-1 +net1 +c-web-1/);
  const json = JSON.parse((await run("show", "fd00::/124", "--json", "--database", db.path)).out);
  assert.deepEqual(json[0].allocations.map(({ address, podRef }: Record<string, string>) => `${address} ${podRef}`), [
    "fd00::1 default/web-0",
    "fd00::2 default/web-1",
  ]);
  const missing = await run("show", "10.9.0.0/24", "--database", db.path);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /Pool "10\.9\.0\.0\/24" not found/);
});

Deno.test("show finds a pool by its range in any notation", async () => {
  await using db = await database();
  for (const name of ["fd00::/124", "FD00:0:0::/124", "fd00::5/124"]) {
    const { code, out } = await run("show", name, "--database", db.path);
    assert.equal(code, 0);
    assert.match(out, /fd00::2 +default\/web-1/);
  }
});

Deno.test("show names the database that is missing or empty, and creates none", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/none.db`;
    const missing = await run("show", "--database", path);
    assert.deepEqual([missing.code, missing.out], [2, ""]);
    assert.match(missing.err, new RegExp(`Database ${path} not found`));
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    await Deno.writeTextFile(path, "");
    assert.equal((await run("show", "--database", path)).out, `No pools in database ${path}\n`);
    await Deno.writeTextFile(path, "text, and no SQLite database, of more than one page ".repeat(30));
    const broken = await run("show", "--database", path);
    assert.equal(broken.code, 1);
    assert.match(broken.err, /is not a SQLite database/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
