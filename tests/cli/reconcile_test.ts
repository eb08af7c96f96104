import assert from "node:assert/strict";
import { markNodeLocal } from "../../src/config/node_local.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { call, database, run } from "./lab.ts";

Deno.test("check finds the addresses of a deleted pod, reconcile frees them, and check then finds nothing", async () => {
  await using db = await database();
  const pods = `${db.path}.pods`;
  await Deno.writeTextFile(pods, "default/web-0\n");
  const flags = ["--database", db.path, "--pods", pods];
  const found = await run("check", ...flags);
  assert.equal(found.code, 3);
  assert.match(found.out, /^orphan: 2 in 2 places[^]*10\.0\.0\.2 .*default\/web-1.*pod is gone/);
  const dry = await run("reconcile", "--grace", "5", "--dry-run", ...flags);
  assert.deepEqual([dry.code, (await run("check", ...flags)).code], [0, 3]);
  assert.match(dry.err, /^Waiting \d+ s before checking 2 records again$/);
  const freed = await call({ terminal: 80, progress: true }, "reconcile", "--grace", "5", ...flags);
  assert.equal(freed.code, 0);
  // deno-lint-ignore no-control-regex -- the line is overwritten
  assert.match(freed.err, /^\r\x1b\[KWaiting \d+ s before checking 2 records again\n[^]*\r\x1b\[K$/);
  assert.doesNotMatch(freed.out, /Waiting/);
  assert.match(freed.out, /FREED[^]*10\.0\.0\.2[^]*fd00::2/);
  const content = await run("check", ...flags);
  assert.deepEqual([content.code, content.out], [
    0,
    `Consistent: 2 pools, 2 allocations, 1 pod in database ${db.path}\n`,
  ]);
  assert.match((await run("reconcile", "--grace", "5", ...flags)).out, /Nothing to free/);
});

Deno.test("reconcile without a source of pods frees nothing and names the flags", async () => {
  await using db = await database();
  const { code, err } = await run("reconcile", "--database", db.path);
  assert.equal(code, 2);
  assert.match(err, /without pods.*--pods/);
});

Deno.test("reconcile refuses a list of pods that may be the output of a failed command", async () => {
  await using db = await database();
  const pods = `${db.path}.pods`;
  const flags = ["reconcile", "--grace", "5", "--database", db.path, "--pods", pods];
  for (
    const [text, why] of [["", /lists no pods/], ["web-0\n", /:1 "web-0".*NAMESPACE\/NAME/], [
      "error: no server\n",
      /:1/,
    ]] as const
  ) {
    await Deno.writeTextFile(pods, text);
    const { code, err } = await run(...flags);
    assert.equal(code, 1, err);
    assert.match(err, why);
  }
  assert.match(
    (await run(...flags.slice(0, -1), "/nowhere")).err,
    /Cannot read pods from \/nowhere: file not found/,
  );
  assert.match((await run("show", "--database", db.path)).out, /10\.0\.0\.0\/28 +2 /);
  await Deno.writeTextFile(pods, "# the node is empty\nnone\n");
  assert.equal((await run(...flags)).code, 0);
  assert.match((await run("show", "--database", db.path)).out, /10\.0\.0\.0\/28 +0 /);
});

Deno.test("reconcile refuses an invalid grace period", async () => {
  for (const grace of ["0", "-5", "soon", "1e9", ""]) {
    const { code, err } = await run("reconcile", `--grace=${grace}`);
    assert.equal(code, 2, err);
    assert.match(err, /--grace/);
  }
});

Deno.test("check reports embedded stores of this node that pods of a cluster use", async () => {
  await using data = await database();
  const journal = data.path.replace(/[^/]*$/, "journal");
  const env = { WHEREABOUTS_JOURNAL: journal };
  const world = { ...denoWorld(), env: (name: string) => name === "WHEREABOUTS_JOURNAL" ? journal : undefined };
  await markNodeLocal(world, { database: data.path, network: "net", pod: "default/web-0" });
  const text = await call({ env }, "check", "--database", data.path);
  assert.deepEqual([text.code, text.err], [0, ""]);
  assert.match(text.out, /^Pods of the cluster have addresses of this node's own database .*default\/web-0/m);
  const json = await call({ env }, "check", "--database", data.path, "--json");
  assert.equal(JSON.parse(json.out).nodeLocal[0].database, data.path);
});
