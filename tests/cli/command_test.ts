import assert from "node:assert/strict";
import { loadDriver } from "../../drivers/mod.ts";
import { loadConfig } from "../../src/config/load.ts";
import { runCommand } from "../../src/cli/command.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { openStore } from "../../drivers/mod.ts";
import { denoWorld } from "../../src/world/deno.ts";

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(...args: string[]): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const real = denoWorld();
  const world = {
    ...real,
    env: () => undefined,
    stderr: (line: string) => void err.push(line),
    sleep: (milliseconds: number, signal?: AbortSignal) => real.sleep(milliseconds / 100, signal), // grace periods
  };
  const code = await runCommand(args, world, loadDriver, {
    write: (text) => void out.push(text),
    terminal: false,
    openCluster: () => Promise.reject(new Error("there is no cluster")),
    inspectApi: () => Promise.resolve([{ what: "Kubernetes API", problem: "There is no cluster" }]),
    platform: () => Promise.reject(new Error("there are no sockets")),
  });
  return { code, out: out.join(""), err: err.join("\n") };
}

/** A database where web-0 and web-1 have an address each of two ranges. */
async function database(): Promise<{ path: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/whereabouts.db`;
  const world = denoWorld();
  const ranges = { range: "10.0.0.0/28", ipRanges: [{ range: "fd00::/124" }] };
  const conf = { name: "net", ipam: { type: "whereabouts", datastore: "embedded", database: path, ...ranges } };
  const { config } = await loadConfig(world, { conf });
  await using store = await openStore(config, { world });
  for (const pod of ["web-0", "web-1"]) {
    await allocate(
      store,
      config,
      { podRef: `default/${pod}`, ifName: "net1", containerId: `c-${pod}` },
      AbortSignal.timeout(5_000),
    );
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

Deno.test("runCommand tells version and protocol on standard error when nothing is asked", async () => {
  const { code, out, err } = await run();
  assert.deepEqual([code, out], [0, ""]);
  assert.match(err, /^whereabouts \d+\.\d+\.\d+\nCNI protocol versions supported: 0\.1\.0, .*1\.1\.0$/);
});

Deno.test("runCommand explains every command, and refuses those it does not have", async () => {
  const { code, out } = await run("--help");
  assert.equal(code, 0);
  for (const name of ["agent", "check", "demo", "install", "reconcile", "release", "show", "version", "who-has"]) {
    assert.match(out, new RegExp(`^${name} `, "m"));
  }
  const unknown = await run("shwo");
  assert.deepEqual([unknown.code, unknown.out], [2, ""]);
  assert.match(unknown.err, /Unknown command "shwo".*show/);
});

Deno.test("runCommand says in a line what is wrong with a flag", async () => {
  const { code, err } = await run("show", "--nonsense");
  assert.equal(code, 1);
  assert.match(err, /^whereabouts show: .*--nonsense/);
  assert.doesNotMatch(err, /\n\s+at /);
});

Deno.test("show lists pools in columns, one pool in full, and as JSON", async () => {
  await using db = await database();
  const { out } = await run("show", "--database", db.path);
  assert.deepEqual(out.split("\n").slice(0, 4).map((line) => line.split(/\s{2,}/)), [
    ["POOL", "USED", "FREE", "CAPACITY", "FULL"],
    ["-----------", "----", "----", "--------", "----"],
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
  assert.match(missing.err, /No pool "10\.9\.0\.0\/24"/);
});

Deno.test("who-has names the pool and the reservation of an address", async () => {
  await using db = await database();
  const { code, out } = await run("who-has", "10.0.0.1", "--database", db.path);
  assert.equal(code, 0);
  assert.match(out, /pool 10\.0\.0\.0\/28 +default\/web-0/);
  assert.match(out, /reservation +default\/web-0/);
  const nobody = await run("who-has", "10.0.0.9", "--database", db.path);
  assert.deepEqual([nobody.code, nobody.out], [1, "Nobody has 10.0.0.9\n"]);
  assert.match((await run("who-has", "10.0.0.01", "--database", db.path)).err, /"10\.0\.0\.01".*wanted an address/);
});

Deno.test("check finds a pod that is not among the living, reconcile frees what it had, and check is content", async () => {
  await using db = await database();
  const pods = `${db.path}.pods`;
  await Deno.writeTextFile(pods, "default/web-0\n");
  const flags = ["--database", db.path, "--pods", pods];
  const found = await run("check", ...flags);
  assert.equal(found.code, 3);
  assert.match(found.out, /orphan +10\.0\.0\.2 .*default\/web-1.*pod is gone/);
  const dry = await run("reconcile", "--grace", "5", "--dry-run", ...flags);
  assert.deepEqual([dry.code, (await run("check", ...flags)).code], [0, 3]);
  const freed = await run("reconcile", "--grace", "5", ...flags);
  assert.equal(freed.code, 0);
  assert.match(freed.out, /FREED[^]*10\.0\.0\.2[^]*fd00::2/);
  const content = await run("check", ...flags);
  assert.deepEqual([content.code, content.out], [0, "Consistent: 2 pools, 2 allocations\n"]);
  assert.match((await run("reconcile", "--grace", "5", ...flags)).out, /Nothing to free/);
});

Deno.test("reconcile without anybody to ask for pods frees nothing and says what is missing", async () => {
  await using db = await database();
  const { code, err } = await run("reconcile", "--database", db.path);
  assert.equal(code, 1);
  assert.match(err, /embedded without pods.*--pods/);
});

Deno.test("release shows whose an address is, and takes it back only when told to", async () => {
  await using db = await database();
  const shown = await run("release", "10.0.0.1", "--database", db.path);
  assert.equal(shown.code, 2);
  assert.match(shown.out, /Would release 10\.0\.0\.1 of pool 10\.0\.0\.0\/28, held by default\/web-0/);
  assert.equal((await run("who-has", "10.0.0.1", "--database", db.path)).code, 0);
  assert.match((await run("release", "10.0.0.1", "--yes", "--database", db.path)).out, /^Released 10\.0\.0\.1/);
  assert.equal((await run("who-has", "10.0.0.1", "--database", db.path)).code, 1);
});

Deno.test("demo shows three pods, one twice, one deleted and its address reused", async () => {
  const { code, out } = await run("demo");
  assert.equal(code, 0);
  assert.equal(out.match(/"address": "192\.168\.10\.1\/27"/g)?.length, 2);
  assert.equal(out.match(/"address": "192\.168\.10\.2\/27"/g)?.length, 2);
  assert.match(out, /192\.168\.10\.0 +-███/);
  assert.match(out, /192\.168\.10\.1 +default\/web-3/);
  assert.match(out, /fd00:10::1 +default\/web-3/);
});
