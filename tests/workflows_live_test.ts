import assert from "node:assert/strict";
import { assets } from "./support/assets.ts";
import { run } from "./support/process.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const ACTIONLINT = `${await assets("actionlint")}/actionlint`;

/** Other linters that actionlint would use where they are installed: results must not depend on that. */
const ALONE = ["-shellcheck=", "-pyflakes="];

Deno.test("actionlint finds nothing in the workflows", async () => {
  const files = [...Deno.readDirSync(`${ROOT}.github/workflows`)].map(({ name }) => `.github/workflows/${name}`);
  const { code, stdout, stderr } = await run([ACTIONLINT, ...ALONE, ...files], { cwd: ROOT });
  assert.equal(code, 0, stdout + stderr);
});

Deno.test("actionlint finds a job that needs a missing one", async () => {
  const workflow = "on: push\njobs:\n  a:\n    needs: b\n    runs-on: ubuntu-24.04\n    steps: [{run: echo}]\n";
  const { code, stdout } = await run([ACTIONLINT, ...ALONE, "-"], { stdin: workflow });
  assert.equal(code, 1);
  assert.match(stdout, /needs job "b" which does not exist/);
});
