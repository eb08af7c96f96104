import assert from "node:assert/strict";
import { call, database, run } from "./lab.ts";

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
  assert.doesNotMatch(one.out, /web-1/);
  const list = await run("show", "10.0.0.0/28", "--database", db.path);
  assert.match(list.out, /^10\.0\.0\.2 +default\/web-1 +net1 +c-web-1$/m);
  const json = JSON.parse((await run("show", "fd00::/124", "--json", "--database", db.path)).out);
  assert.deepEqual(json[0].allocations.map(({ address, podRef }: Record<string, string>) => `${address} ${podRef}`), [
    "fd00::1 default/web-0",
    "fd00::2 default/web-1",
  ]);
  const missing = await run("show", "10.9.0.0/24", "--database", db.path);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /"10\.9\.0\.0\/24" not found in database /);
});

Deno.test("show finds a pool by its range in any notation", async () => {
  await using db = await database();
  for (const name of ["fd00::/124", "FD00:0:0::/124", "fd00::5/124"]) {
    const { code, out } = await run("show", name, "--database", db.path);
    assert.equal(code, 0);
    assert.match(out, /fd00::2 +default\/web-1/);
  }
});

Deno.test("show narrows pools by names and filters, in every format", async () => {
  await using db = await database();
  const names = async (...args: string[]) => {
    const { code, out, err } = await run("show", "-o", "name", ...args, "--database", db.path);
    return [code, out.trim().split("\n").join(" "), err];
  };
  const both = "10.0.0.0/28 fd00::/124";
  assert.deepEqual(await names(), [0, both, ""]);
  assert.deepEqual(await names("10.0.0.9", "fd00--1"), [1, "10.0.0.0/28", (await names("fd00--1"))[2]]);
  assert.deepEqual(await names("default/web-1"), [0, both, ""]);
  assert.deepEqual(await names("--pod-namespace", "default"), [0, both, ""]);
  assert.deepEqual(await names("--pod-namespace", "other"), [0, "", ""]);
  assert.deepEqual(await names("--min-fill", "14%"), [0, both, ""]);
  assert.deepEqual(await names("--min-fill", "15"), [0, "", ""]);
  assert.deepEqual(await names("--sort-by", "pool:desc"), [0, "fd00::/124 10.0.0.0/28", ""]);
  const pod = await run("show", "web-1", "--no-headers", "--database", db.path);
  assert.deepEqual(pod.out.match(/default\/\S+/g), ["default/web-1", "default/web-1"]);
  const yaml = await run("show", "10.0.0.0/28", "-o", "yaml", "--database", db.path);
  assert.match(yaml.out, /^- pool: 10\.0\.0\.0\/28\n[^]* {2}allocations:\n {4}- address: 10\.0\.0\.1\n/);
  for (
    const flags of [["-A"], ["-n", "x"], ["--context", "x"], ["-o", "xml"], ["--min-fill", "x"], ["--sort-by", "x"]]
  ) {
    const { code, out, err } = await run("show", ...flags, "--database", db.path);
    assert.deepEqual([code, out], [2, ""], err);
    assert.match(err, /(Cannot use --(all-namespaces|namespace|context)|Unknown|Invalid).*[^]*--help for usage$/);
  }
});

Deno.test("show fits the terminal", async () => {
  await using db = await database();
  for (const terminal of [60, 80, 200]) {
    for (const args of [["show"], ["show", "--map"], ["show", "web-1"], ["check"]]) {
      const { out } = await call({ terminal, env: { NO_COLOR: "1" } }, ...args, "--database", db.path);
      const long = out.split("\n").filter((line) => line.length > terminal && !line.includes(db.path));
      assert.deepEqual(long, [], args.join(" "));
    }
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
