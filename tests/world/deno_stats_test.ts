import assert from "node:assert/strict";
import { readProcessStats } from "../../src/world/deno_stats.ts";

Deno.test("readProcessStats reads the counts of this process from the kernel", () => {
  const before = readProcessStats();
  const file = Deno.openSync("/dev/null");
  const { openFiles, ...during } = readProcessStats();
  file.close();
  assert.equal(openFiles, before.openFiles + 1);
  assert(during.cpuSeconds > 0 && during.cpuSeconds >= before.cpuSeconds);
  assert(during.residentBytes > 1_000_000 && during.residentBytes < during.virtualBytes);
  assert(during.maxFiles >= openFiles);
  const uptime = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]);
  const age = Date.now() / 1_000 - during.startSeconds;
  assert(age > -2 && age < uptime + 2, `it started ${age} s ago`); // btime has whole seconds
});
