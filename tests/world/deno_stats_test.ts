import assert from "node:assert/strict";
import { readProcessStats } from "../../src/world/deno_stats.ts";
import { run } from "../support/process.ts";

Deno.test("readProcessStats reads CPU time, memory and start of this process", async () => {
  const before = readProcessStats();
  let after = before;
  while (after.cpuSeconds < before.cpuSeconds + 0.05) after = readProcessStats(); // ends only if CPU time is counted
  assert(after.residentBytes > 1_000_000);
  assert.equal(after.startSeconds, before.startSeconds);
  const { stdout } = await run(["ps", "-o", "etimes=", "-p", `${Deno.pid}`]);
  const age = Date.now() / 1_000 - after.startSeconds;
  assert(age > 0 && age < Number(stdout) + 2, `it started ${age} s ago, and for ps ${stdout}`); // ps has whole seconds
});
