import assert from "node:assert/strict";
import { call, database, run } from "./lab.ts";

/** The words that complete a command line, without their meanings, and the directive. */
async function words(...line: string[]): Promise<string[]> {
  const { code, out } = await run("completion", "words", "--", ...line);
  assert.equal(code, 0);
  return out.trim().split("\n").map((one) => one.split("\t", 1)[0] ?? "");
}

Deno.test("completion words lists commands, flags and values of the command table", async () => {
  assert.deepEqual(await words("sh"), ["show", ":4"]);
  assert.deepEqual(await words("help", "wh"), ["who-has", ":4"]);
  const commands = await words("");
  assert(["show", "completion", "agent"].every((name) => commands.includes(name)));
  assert.deepEqual(await words("show", "--sort"), ["--sort-by", ":4"]);
  assert.deepEqual(await words("show", "--sort-by", "x", "--sort"), [":4"]);
  assert.deepEqual(await words("-n", "x", "show", "-o", ""), ["wide", "json", "yaml", "name", ":4"]);
  assert.deepEqual(await words("show", "--output=j"), ["--output=json", ":4"]);
  assert.deepEqual(await words("show", "--datastore", "e"), ["etcd", "embedded", ":4"]);
  assert.deepEqual(await words("show", "--kubeconfig", ""), [":0"]);
  assert.deepEqual(await words("lint", ""), [":0"]);
  assert.deepEqual(await words("completion", ""), ["bash", "zsh", "fish", "kubectl", ":4"]);
  for (const line of [["toString", ""], ["nonsense", "-"], ["-"], ["agent", ""]]) {
    assert.deepEqual(await words(...line), [":4"], line.join(" "));
  }
  const { out } = await run("completion", "words", "--", "show", "--ma");
  assert.match(out, /^--map\tDraw a map/);
});

Deno.test("completion words lists the pools of the store, and nothing without one", async () => {
  await using db = await database();
  assert.deepEqual(await words("show", "--database", db.path, ""), ["10.0.0.0/28", "fd00::/124", ":4"]);
  assert.deepEqual(await words("--database", db.path, "who-has", "fd"), ["fd00::/124", ":4"]);
  assert.deepEqual(await words("show", "--database", "/missing", ""), [":4"]);
  assert.deepEqual(await words("show", "--database", db.path, "-A", ""), [":4"]);
  assert.deepEqual((await call({}, "completion", "words", "--", "show", "")).err, "");
});

Deno.test("completion refuses a shell that it does not know", async () => {
  for (const args of [[], ["csh"], ["bash", "zsh"], ["toString"]]) {
    const { code, out, err } = await run("completion", ...args);
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err, /expected one of bash, zsh, fish, kubectl/);
  }
});

/** Runs the product from its source, as a program of this name. */
async function program(folder: string, name: string): Promise<void> {
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const text = `#!/bin/sh\nexec '${Deno.execPath()}' run -A --no-check --quiet '${main}' "$@"\n`;
  await Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o755 });
}

Deno.test("the script for bash completes a command line as bash splits it", async () => {
  await using db = await database();
  const folder = db.path.slice(0, db.path.lastIndexOf("/"));
  await program(folder, "whereabouts");
  // COMP_WORDS as readline splits them, at blanks, colons and equals signs
  const complete = String.raw`
    source <(whereabouts completion bash)
    compopt() { echo "compopt $*"; }
    try() {
      COMP_LINE="$1"; COMP_POINT=${"${#COMP_LINE}"}; shift
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
      _whereabouts; echo "${"${COMPREPLY[*]}"}"
    }
    try "whereabouts sho" whereabouts sho
    try "whereabouts show --output=y" whereabouts show --output = y
    try "whereabouts show --database $DB fd00::" whereabouts show --database "$DB" fd00 ::
    try "whereabouts show --database $DB fd00::/1" whereabouts show --database "$DB" fd00 :: /1
    try "whereabouts show --database " whereabouts show --database ""
    complete -p whereabouts`;
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["--norc", "-c", complete],
    env: { PATH: `${folder}:${Deno.env.get("PATH")}`, DB: db.path },
  }).output();
  assert.deepEqual(new TextDecoder().decode(stdout).split("\n"), [
    "show",
    "yaml",
    "/124",
    "/124",
    "compopt -o default",
    "",
    "complete -F _whereabouts whereabouts",
    "",
  ], new TextDecoder().decode(stderr));
});

Deno.test("the script for kubectl calls the plugin with the words of the line", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/kubectl`, '#!/bin/sh\nprintf "<%s>" "$@"\n', { mode: 0o755 });
    await Deno.writeTextFile(`${folder}/kubectl_complete-whereabouts`, (await run("completion", "kubectl")).out, {
      mode: 0o755,
    });
    const { stdout } = await new Deno.Command(`${folder}/kubectl_complete-whereabouts`, {
      args: ["show", ""],
      env: { PATH: `${folder}:${Deno.env.get("PATH")}` },
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "<whereabouts><completion><words><--><show><>");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
