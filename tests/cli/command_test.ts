import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { call, database, run } from "./lab.ts";

const COMMANDS = [
  "agent",
  "check",
  "claims",
  "completion",
  "controller",
  "demo",
  "history",
  "install",
  "lint",
  "migrate",
  "plan",
  "reconcile",
  "release",
  "resize",
  "show",
  "slices",
  "status",
  "sysdump",
  "top",
  "ui",
  "version",
  "who-has",
];

Deno.test("runCommand prints version and CNI versions to standard error without arguments", async () => {
  const { code, out, err } = await run();
  assert.deepEqual([code, out], [0, ""]);
  assert.match(err, /^whereabouts \d+\.\d+\.\d+\nCNI protocol versions supported: 0\.1\.0, .*1\.1\.0$/);
});

Deno.test("runCommand lists every command, and refuses unknown ones", async () => {
  const { code, out } = await run("--help");
  assert.equal(code, 0);
  const listed = [...out.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map(([, name]) => name);
  assert.deepEqual(listed.toSorted(), COMMANDS);
  for (const [word, near] of [["shwo", "show"], ["toString", ""], ["", "show"]] as const) {
    const unknown = await run(word || "sho");
    assert.deepEqual([unknown.code, unknown.out], [2, ""]);
    assert.match(unknown.err, new RegExp(`Unknown command "${word || "sho"}".*${near}`));
  }
});

for (const name of COMMANDS) {
  Deno.test(`runCommand prints the help of ${name}, and suggests a flag for an unknown one`, async () => {
    const { code, out } = await run(name, "--help");
    assert.equal(code, 0);
    assert.match(out, new RegExp(`^Usage: whereabouts ${name}`));
    assert.match(out, /^Exit codes:\n {2}0 {2}.+\n {2}1 {2}[^]+\n {2}2 {2}/m);
    for (const line of out.split("\n")) assert(line.length <= 120, line);
    assert.equal((await run("help", name)).out, out);
    const wrong = await run(name, "--databsae", "x");
    assert.deepEqual([wrong.code, wrong.out], [2, ""]);
    assert.match(wrong.err, new RegExp(`^whereabouts ${name}: Unknown flag --databsae`));
    assert.equal(wrong.err.includes("did you mean --database?"), out.includes("--database"));
    assert.match(wrong.err, new RegExp(`\nUse whereabouts ${name} --help for usage$`));
    assert.doesNotMatch(wrong.err, /\n\s+at /);
  });
}

Deno.test("runCommand reports a flag without its value, and an unexpected argument, as usage errors", async () => {
  for (const args of [["show", "--database"], ["show", "--json=yes"], ["check", "surplus"]]) {
    const { code, out, err } = await run(...args);
    assert.deepEqual([code, out], [2, ""], err);
    assert.equal(err.split("\n").length, 2, err);
  }
});

Deno.test("runCommand uses the name under which it was started, and lists its commands as a plugin of kubectl", async () => {
  for (const called of ["kubectl-whereabouts", "/usr/local/bin/kubectl-whereabouts", "./kubectl_whereabouts"]) {
    const { code, out } = await call({ called });
    assert.equal(code, 0);
    assert.match(out, /^Usage: kubectl whereabouts COMMAND/);
    assert.match((await call({ called }, "show", "--help")).out, /^Usage: kubectl whereabouts show/);
    assert.match(
      (await call({ called }, "show", "--x")).err,
      /^kubectl whereabouts show: [^]*\nUse kubectl whereabouts show --help/,
    );
  }
  assert.match((await call({ called: "/opt/kubectl/whereabouts" }, "--help")).out, /^Usage: whereabouts COMMAND/);
});

Deno.test("version prints version and commit, and in JSON the CNI versions", async () => {
  const { out } = await run("version");
  assert.equal(out, `${VERSION} (commit unknown)\n`);
  assert.equal((await run("--version")).out, out);
  const json = JSON.parse((await run("version", "--json")).out);
  assert.deepEqual([json.version, json.revision, json.cniVersions.at(-1)], [VERSION, "unknown", "1.1.0"]);
});

Deno.test("who-has shows the pool and the reservation of an address", async () => {
  await using db = await database();
  const { code, out } = await run("who-has", "10.0.0.1", "--database", db.path);
  assert.equal(code, 0);
  assert.match(out, /pool 10\.0\.0\.0\/28 +default\/web-0/);
  assert.match(out, /reservation +default\/web-0/);
  const unused = await run("who-has", "10.0.0.9", "--database", db.path);
  assert.deepEqual([unused.code, unused.out], [
    1,
    `Found no allocation or reservation of 10.0.0.9 in database ${db.path}\n`,
  ]);
  assert.match(
    (await run("who-has", "10.0.0.01", "--database", db.path)).err,
    /"10\.0\.0\.01".*expected one such as 10/,
  );
});

Deno.test("demo shows three pods, a repeated ADD, and a released address that is reused", async () => {
  const { code, out } = await run("demo");
  assert.equal(code, 0);
  assert.equal(out.match(/"address": "192\.168\.10\.1\/27"/g)?.length, 2);
  assert.equal(out.match(/"address": "192\.168\.10\.2\/27"/g)?.length, 2);
  assert.match(out, /192\.168\.10\.0 +-███/);
  assert(out.indexOf("███") < out.indexOf('"cniVersion"'), "the picture comes first");
  assert.match(out, /192\.168\.10\.1 +default\/web-3/);
  assert.match(out, /fd00:10::1 +default\/web-3/);
});
