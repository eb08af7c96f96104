import assert from "node:assert/strict";
import { run } from "../support/process.ts";

const MODULE = new URL("../../src/world/deno_process.ts", import.meta.url).href;

/** Runs a program with all permissions. */
async function deno(code: string) {
  return await run([
    Deno.execPath(),
    "eval",
    "--quiet",
    `import { forgoPrograms, onUncaught } from "${MODULE}";\n${code}`,
  ]);
}

Deno.test("forgoPrograms permanently prevents a process from starting programs", async () => {
  const start =
    'try { new Deno.Command("true").outputSync(); console.log("started"); } catch (error) { console.log(error.name); }';
  const { stdout } = await deno(
    `${start}\nforgoPrograms();\n${start}\nawait Deno.permissions.request({ name: "run" });\n${start}`,
  );
  assert.deepEqual(stdout.trim().split("\n"), ["started", "NotCapable", "NotCapable"]);
});

Deno.test("onUncaught handles uncaught errors, and the process continues", async () => {
  const { code, stdout, stderr } = await deno(`
    import { EventEmitter } from "node:events";
    let heard = 0;
    onUncaught((error) => console.log("heard", ++heard, error instanceof Error ? error.message : error));
    setTimeout(() => { throw new Error("in a timer"); });
    setTimeout(() => void Promise.reject(new Error("a rejection")), 1);
    setTimeout(() => new EventEmitter().emit("error", new Error("an event")), 2);
    setTimeout(() => { throw null; }, 3);
    const end = Date.now() + 10_000;
    while (heard < 4 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
    console.log("alive");`);
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.trim().split("\n"), [
    "heard 1 in a timer",
    "heard 2 a rejection",
    "heard 3 an event",
    "heard 4 null",
    "alive",
  ]);
});
