import assert from "node:assert/strict";
import { eventually } from "../support/process.ts";
import { database, give, run } from "./lab.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const [ENTER, LEAVE] = ["\x1b[?1049h", "\x1b[?1049l"] as const;

/** `top` at a terminal of 80 columns and 24 rows, followed by the modes of the terminal. */
function start(path: string) {
  const top = `${Deno.execPath()} run -A main.ts top --interval 1 --database ${path}`;
  // Ctrl-C interrupts the shell too, and some shells end then, whatever their command did
  const command = `trap : INT; stty cols 80 rows 24; ${top}; echo "exit=$?"; stty -a`;
  const process = new Deno.Command("script", {
    args: ["-qec", command, "/dev/null"],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  const reading = (async () => {
    for await (const part of process.stdout.pipeThrough(new TextDecoderStream())) text += part;
  })();
  const keys = process.stdin.getWriter();
  return {
    text: () => text,
    type: (key: string) => keys.write(new TextEncoder().encode(key)),
    ended: async () => {
      await process.status;
      await keys.close().catch(() => {}); // its reader has ended
      await reading;
    },
  };
}

for (const [name, key] of [["q", "q"], ["Ctrl-C", "\x03"]] as const) {
  Deno.test(`top draws changes at a terminal until ${name}, and restores the terminal`, async () => {
    await using db = await database();
    const top = start(db.path);
    await eventually("the first frame", () => Promise.resolve(top.text().includes("q: quit")));
    assert(top.text().includes(ENTER));
    await give(db.path, "web-2");
    await eventually("the change", () => Promise.resolve(/allocated +10\.0\.0\.3 +default\/web-2/.test(top.text())));
    assert.equal(top.text().includes("exit="), false, "it ran until the key");
    await top.type(key);
    await top.ended();
    const [frames = "", rest = ""] = top.text().split(LEAVE);
    assert.match(rest, /exit=0/);
    for (const mode of ["icanon", "echo", "isig"]) assert.match(rest, new RegExp(`(^|\\s)${mode}\\b`, "m"));
    // deno-lint-ignore no-control-regex -- they are what is removed
    const lines = frames.replace(/\x1b\[[0-9;?]*[a-zA-Z]/g, "").split(/\r*\n/);
    for (const line of lines) assert([...line].length <= 80 * 2, line); // the end of a frame and the start of the next
    assert.match(frames, /10\.0\.0\.0\/28 .*\+[\d.]+/);
  });
}

Deno.test("top prints one frame without a terminal, the fullest pool first", async () => {
  await using db = await database();
  const { code, out } = await run("top", "--database", db.path);
  assert.equal(code, 0);
  assert.match(out, /^\d\d:\d\d:\d\d 2 pools in database /);
  const pools = [...out.matchAll(/^(\S+\/\d+) +2 .*-$/gm)].map(([, name]) => name);
  assert.deepEqual(pools, ["10.0.0.0/28", "fd00::/124"]);
  const one = await run("top", "fd00::/124", "--once", "--database", db.path);
  assert.doesNotMatch(one.out, /10\.0\.0\.0/);
  const missing = await run("top", "10.9.9.0/24", "--database", db.path);
  assert.deepEqual([missing.code, missing.out], [1, ""]);
  assert.match(missing.err, /10\.9\.9\.0\/24/);
  for (const interval of ["0", "1.5", "x", "9999"]) {
    const wrong = await run("top", "--interval", interval, "--database", db.path);
    assert.deepEqual([wrong.code, wrong.out], [2, ""]);
    assert.match(wrong.err, /expected a number from 1 to 3600/);
  }
});
