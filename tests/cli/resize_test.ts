import assert from "node:assert/strict";
import { database, run } from "./lab.ts";

Deno.test("resize shows what would move and what would stay, moves it, and finds nothing to do afterwards", async () => {
  await using db = await database();
  const store = ["--database", db.path];
  const dry = await run("resize", "10.0.0.0/28", "10.0.0.0/31", "--dry-run", ...store);
  assert.equal(dry.code, 3);
  const [summary, headings = "", stays = ""] = dry.out.split("\n");
  assert.equal(summary, "Would move 1 address from 10.0.0.0/28 to 10.0.0.0/31");
  assert.match(headings, /^WOULD STAY +OWNER +REASON$/);
  assert.match(stays, /^10\.0\.0\.2 +default\/web-1 .*outside of 10\.0\.0\.0\/31$/);
  const grown = await run("resize", "10.0.0.0/28", "10.0.0.0/24", ...store);
  assert.deepEqual([grown.code, grown.out], [0, "Moved 2 addresses from 10.0.0.0/28 to 10.0.0.0/24\n"]);
  assert.equal(grown.err, "", "what ends soon shows no progress");
  const again = await run("resize", "10.0.0.0/28", "10.0.0.0/24", "--json", ...store);
  assert.deepEqual([again.code, JSON.parse(again.out)], [0, {
    ...{ from: "10.0.0.0/28", to: "10.0.0.0/24", dryRun: false, moved: 0, stay: [] },
  }]);
  const found = await run("who-has", "10.0.0.1", ...store);
  assert.match(found.out, /10\.0\.0\.0\/24/);
  assert.equal(found.err, "Pool 10.0.0.0/28 is moved to 10.0.0.0/24");
  const former = await run("who-has", "10.0.0.0/28", "--json", ...store);
  assert.deepEqual([former.code, former.err], [0, "Pool 10.0.0.0/28 is moved to 10.0.0.0/24"]);
  assert.match((await run("check", ...store)).out, /^Consistent/);
  assert.match((await run("show", ...store)).out, /^10\.0\.0\.0\/28 is moved to 10\.0\.0\.0\/24$/m);
  assert.match((await run("show", "10.0.0.0/28", ...store)).out, /^ {2}moved to 10\.0\.0\.0\/24$/m);
  const [shown] = JSON.parse((await run("show", "10.0.0.0/28", "--json", ...store)).out);
  assert.equal(shown.move, "moved to 10.0.0.0/24");
});

Deno.test("resize names the addresses that stay in JSON", async () => {
  await using db = await database();
  const { code, out } = await run("resize", "10.0.0.0/28", "10.9.0.0/24", "--json", "--database", db.path);
  assert.equal(code, 3);
  const { moved, stay } = JSON.parse(out);
  assert.deepEqual([moved, stay.map(({ address, reason }: Record<string, string>) => [address, reason])], [0, [
    ["10.0.0.1", "outside of 10.9.0.0/24"],
    ["10.0.0.2", "outside of 10.9.0.0/24"],
  ]]);
});

Deno.test("resize refuses operands that are no pool and no range", async () => {
  await using db = await database();
  const cases: readonly (readonly [operands: readonly string[], message: RegExp])[] = [
    [[], /two operands/],
    [["10.0.0.0/28"], /two operands/],
    [["10.0.0.0/28", "10.0.0.0/24", "x"], /two operands/],
    [["10.0.0.0/28", "10.0.0.5/24"], /"10\.0\.0\.5\/24": expected 10\.0\.0\.0\/24/],
    [["10.0.0.0/28", "wide"], /"wide": expected a CIDR/],
    [["10.7.0.0/28", "10.0.0.0/24"], /Pool 10\.7\.0\.0\/28 not found .*10\.0\.0\.0\/28/],
  ];
  for (const [operands, message] of cases) {
    const { code, err } = await run("resize", ...operands, "--database", db.path);
    assert.equal(code, 2, err);
    assert.match(err, message);
  }
  const same = await run("resize", "10.0.0.0/28", "10.0.0.0/28", "--database", db.path);
  assert.deepEqual(
    [same.code, /Cannot resize 10\.0\.0\.0\/28 to 10\.0\.0\.0\/28: it is the same range/.test(same.err)],
    [1, true],
  );
});
