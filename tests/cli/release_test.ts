import assert from "node:assert/strict";
import { call, database, give, run } from "./lab.ts";

Deno.test("release shows the owner of an address, and releases it only after confirmation", async () => {
  await using db = await database();
  const flags = ["release", "10.0.0.1", "--database", db.path];
  const shown = await run(...flags);
  assert.equal(shown.code, 2);
  assert.match(shown.out, /10\.0\.0\.1 +pool 10\.0\.0\.0\/28 +default\/web-0 \(net1\)/);
  assert.equal((await call({ answer: false }, ...flags)).code, 2);
  assert.equal((await run("who-has", "10.0.0.1", "--database", db.path)).code, 0);
  const released = await call({ answer: true }, ...flags);
  assert.equal(released.code, 0);
  assert.match(released.out, /10\.0\.0\.1 +pool 10\.0\.0\.0\/28 +default\/web-0 \(net1\) +released/);
  assert.equal((await run("who-has", "10.0.0.1", "--database", db.path)).code, 1);
  assert.equal((await run(...flags, "--yes")).code, 1);
});

Deno.test("release takes several addresses, and prints the result as JSON", async () => {
  await using db = await database();
  const { code, out } = await run(
    "release",
    "10.0.0.2",
    "fd00::2",
    "FD00::0:2",
    "--yes",
    "--json",
    "--database",
    db.path,
  );
  assert.equal(code, 0);
  const { released, kept } = JSON.parse(out);
  assert.deepEqual(released.map(({ address, podRef }: Record<string, string>) => `${address} ${podRef}`), [
    "10.0.0.2 default/web-1",
    "fd00::2 default/web-1",
  ]);
  assert.deepEqual(kept, []);
});

for (const command of [["check"], ["reconcile", "--dry-run", "--grace", "5"]]) {
  Deno.test(`release releases the records in a report of ${command[0]} that are unchanged`, async () => {
    await using db = await database();
    await Deno.writeTextFile(`${db.path}.pods`, "default/web-0\n");
    const store = ["--database", db.path];
    const report = await run(...command, "--json", ...store, "--pods", `${db.path}.pods`);
    await Deno.writeTextFile(`${db.path}.json`, report.out);
    assert.match((await run("release", "10.0.0.2", "--yes", ...store)).out, /released/);
    const flags = ["release", "--from-report", `${db.path}.json`, ...store];
    const asked = await run(...flags);
    assert.deepEqual([asked.code, asked.out.includes("fd00::2"), asked.out.includes("10.0.0.2")], [2, true, false]);
    const done = await run(...flags, "--yes");
    assert.equal(done.code, 3);
    assert.match(done.out, /fd00::2 .* released\n/);
    assert.match(done.out, /10\.0\.0\.2 .* kept: its owner changed\n/);
    assert.equal((await run("check", ...store, "--pods", `${db.path}.pods`)).code, 0);
    const piped = await call({ stdin: report.out }, "release", "--from-report", "-", "--yes", ...store);
    assert.deepEqual([piped.code, piped.out.includes("released")], [3, false]);
  });
}

Deno.test("release keeps records of a report that have another owner now", async () => {
  await using db = await database();
  await Deno.writeTextFile(`${db.path}.pods`, "default/web-0\n");
  const store = ["--database", db.path];
  const report = await run("check", "--json", ...store, "--pods", `${db.path}.pods`);
  assert.equal((await run("release", "10.0.0.2", "fd00::2", "--yes", ...store)).code, 0);
  await give(db.path, "new");
  const { code, out } = await call({ stdin: report.out }, "release", "--from-report", "-", "--yes", ...store);
  assert.equal(code, 3);
  assert.equal(out.match(/ kept: its owner changed$/gm)?.length, 2);
  assert.match((await run("who-has", "10.0.0.2", ...store)).out, /pool .*default\/new/);
});

Deno.test("release reports a usage error, and opens no store", async () => {
  const wrong: [string[], RegExp][] = [
    [[], /either addresses such as/],
    [["10.0.0.1", "--from-report", "x"], /either addresses/],
    [["10.0.0.256"], /"10\.0\.0\.256"/],
    [["--from-report", "/nowhere"], /\/nowhere: file not found/],
    [["--from-report", "/"], /Cannot read report \/: /],
    [["--from-report", "-"], /--yes/],
  ];
  for (const [args, why] of wrong) {
    const { code, out, err } = await run("release", ...args, "--database", "/nowhere.db");
    assert.deepEqual([code, out], [2, ""], err);
    assert.match(err, why);
  }
});

Deno.test("release keeps the address of an existing pod without --force, and shows its state", async () => {
  await using db = await database();
  await Deno.writeTextFile(`${db.path}.pods`, "default/web-0\n");
  const flags = ["release", "10.0.0.1", "10.0.0.2", "--yes", "--database", db.path, "--pods", `${db.path}.pods`];
  const { code, out } = await run(...flags);
  assert.equal(code, 3);
  assert.match(out, /10\.0\.0\.1 .*web-0.* kept: pod exists, not running; --force releases it\n/);
  assert.match(out, /10\.0\.0\.2 .*web-1.* released\n/);
  assert.equal((await run("who-has", "10.0.0.1", "--database", db.path)).code, 0);
  const forced = await run(...flags, "--force");
  assert.equal(forced.code, 0);
  assert.match(forced.out, /10\.0\.0\.1 .* released\n/);
});

Deno.test("release keeps all addresses if pods cannot be read, and shows the reason", async () => {
  await using db = await database();
  const flags = ["release", "10.0.0.1", "--yes", "--json", "--database", db.path, "--pods", "/nowhere"];
  const { code, out } = await run(...flags);
  const { released, kept } = JSON.parse(out);
  assert.deepEqual([code, released, kept.length], [3, [], 1]);
  assert.match(kept[0].why, /unknown: .*\/nowhere.*--force/);
});

Deno.test("release releases the one of two owners that --pod or --pool selects", async () => {
  await using db = await database();
  await give(db.path, "other", { range: "10.0.0.0/29", network_name: "other" });
  const store = ["--yes", "--database", db.path];
  const both = await run("release", "10.0.0.1", ...store);
  assert.equal(both.code, 2);
  assert.match(
    both.err,
    /10\.0\.0\.1: it has 2 owners, .*default\/\S+ \(net1\) and default\/\S+ \(net1\);.*--pod NAMESPACE\/NAME or --pool POOL/,
  );
  assert.equal((await run("release", "10.0.0.1", "--pod", "default/none", ...store)).code, 1);
  assert.equal((await run("release", "10.0.0.1", "--pod", "none", ...store)).code, 2);
  assert.match(
    (await run("release", "10.0.0.1", "--pod", "default/other", ...store)).out,
    /10\.0\.0\.0\/29 .* released/,
  );
  await give(db.path, "other", { range: "10.0.0.0/29", network_name: "other" });
  const chosen = await run("release", "10.0.0.1", "--pool", "10.0.0.0/28", ...store);
  assert.match(chosen.out, /10\.0\.0\.0\/28 +default\/web-0 .* released\n$/);
});
