import assert from "node:assert/strict";
import { commandBlocks } from "../documents.ts";
import { database, run } from "./lab.ts";

Deno.test("migrate blocks shows what would move, moves it, and finds nothing to do afterwards", async () => {
  await using db = await database();
  const store = ["--database", db.path];
  const call = ["migrate", "blocks", "10.0.0.0/28", "--size", "/30", ...store];
  const dry = await run(...call, "--dry-run");
  assert.equal(dry.code, 0, dry.err);
  assert.match(dry.out, /^pool 10\.0\.0\.0\/28 +\/30 +2 +2 +0 +would migrate$/m);
  assert.match(dry.out, /^Then set block_size \/30 in the definitions of all networks of these ranges$/m);
  assert.match((await run("show", ...store)).out, /10\.0\.0\.0\/28/);
  const moved = await run(...call);
  assert.equal(moved.code, 0, moved.err);
  assert.match(moved.err, /^(Pool 10\.0\.0\.0\/28: moved 2 of 2 addresses\n)*$/, "only what lasts shows its progress");
  assert.match(moved.out, /^pool 10\.0\.0\.0\/28 +\/30 +2 +2 +0 +migrated$/m);
  assert.match(moved.out, /^Now set block_size \/30 in/m);
  const again = await run(...call, "--json");
  assert.equal(again.code, 0, again.err);
  const { migrated: [row], definitions } = JSON.parse(again.out);
  assert.deepEqual([row.pool, row.added, row.problems, definitions], ["10.0.0.0/28", 0, [], []]);
  assert.match((await run("who-has", "10.0.0.1", ...store)).out, /10\.0\.0\.0\/30/);
});

Deno.test("migrate blocks --back shows what would move, moves it, and finds nothing to do afterwards", async () => {
  await using db = await database();
  const store = ["--database", db.path];
  const call = ["migrate", "blocks", "--back", "10.0.0.0/28", ...store];
  const early = await run(...call);
  assert.deepEqual([early.code, /Pool 10\.0\.0\.0\/28 is not divided into blocks/.test(early.err)], [2, true]);
  await run("migrate", "blocks", "10.0.0.0/28", "--size", "/30", ...store);
  const dry = await run(...call, "--dry-run");
  assert.equal(dry.code, 0, dry.err);
  assert.match(dry.out, /^blocks \/30 of 10\.0\.0\.0\/28 +pool 10\.0\.0\.0\/28 +2 +2 +0 +would migrate$/m);
  assert.match(dry.out, /^Then remove block_size from the definitions of all networks of these ranges$/m);
  const moved = await run(...call);
  assert.equal(moved.code, 0, moved.err);
  assert.match(moved.err, /^(Pool 10\.0\.0\.0\/28: moved 2 of 2 addresses\n)*$/, "only what lasts shows its progress");
  assert.match(moved.out, /^Now remove block_size from/m);
  const again = await run(...call, "--json");
  assert.equal(again.code, 0, again.err);
  const { migrated: [row], definitions } = JSON.parse(again.out);
  assert.deepEqual([row.pool, row.added, row.problems, definitions], ["10.0.0.0/28", 0, [], []]);
  assert.match((await run("who-has", "10.0.0.1", ...store)).out, /10\.0\.0\.0\/28/);
  const { out } = await run("show", ...store);
  assert.match(out, /10\.0\.0\.0\/28/);
  assert.doesNotMatch(out, /10\.0\.0\.0\/30|joined/, "forwards without entries, and a mark that changes nothing");
  assert.equal((await run("migrate", "blocks", "10.0.0.0/28", "--size", "/30", ...store)).code, 0);
});

Deno.test("migrate blocks refuses operands that are no pool, and sizes that are none", async () => {
  await using db = await database();
  const cases: readonly (readonly [args: readonly string[], code: number, message: RegExp])[] = [
    [["--size", "/30"], 2, /Expected pools or network names/],
    [["10.0.0.0/28"], 2, /Missing --size: expected the prefix length/],
    [["--back", "10.0.0.0/28", "--size", "/30"], 1, /Cannot join the blocks of \/30 to pool .* is not divided/],
    [["10.0.0.0/28", "--size", "/8"], 2, /Invalid --size "\/8"/],
    [["10.0.0.0/28", "--size", "/120"], 2, /it is of the other family/],
    [["10.7.0.0/28", "--size", "/30"], 2, /Pool 10\.7\.0\.0\/28 not found .*10\.0\.0\.0\/28/],
    [
      ["10.0.0.0/28", "--size", "/28"],
      1,
      /Cannot divide pool 10\.0\.0\.0\/28 into blocks of \/28: .* fits in one block/,
    ],
  ];
  for (const [args, code, message] of cases) {
    const { code: found, err } = await run("migrate", "blocks", ...args, "--database", db.path);
    assert.equal(found, code, err);
    assert.match(err, message);
  }
});

Deno.test("migrate blocks: the commands of docs/OPERATIONS.md work in their order", async () => {
  await using db = await database();
  const blocks = commandBlocks().filter(({ mark }) => mark === "run by tests/cli/migrate_blocks_test.ts");
  const codes = [];
  for (const command of blocks.flatMap(({ commands }) => commands)) {
    codes.push((await run(...command.split(" ").slice(1), "--database", db.path)).code);
  }
  assert.deepEqual(codes, [0, 0, 0, 0]);
});
