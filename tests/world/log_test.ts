import assert from "node:assert/strict";
import { LOG_LEVELS, makeLogger, SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";

Deno.test("makeLogger writes what its level and those below it say", () => {
  const written = LOG_LEVELS.map((level) => {
    const world = memoryWorld();
    const log = makeLogger(world, { level });
    for (const say of [log.error, log.warn, log.info, log.debug]) say("Something");
    return world.lines.map((line) => /\[(\w+)\]/.exec(line)?.[1]);
  });
  assert.deepEqual(written, [
    [],
    ["error", "warning"],
    ["error", "warning", "verbose"],
    ["error", "warning", "verbose", "debug"],
  ]);
});

Deno.test("makeLogger writes time, level, message and fields in one line", () => {
  const world = memoryWorld({ now: Date.UTC(2026, 10, 24, 13, 5, 7, 89) });
  makeLogger(world, { level: "debug" }).error("Cannot reach", {
    host: "etcd.example",
    tries: 3,
    list: ["a"],
    gone: undefined,
  });
  assert.deepEqual(world.lines, [
    '2026-11-24T13:05:07.089Z [error] Cannot reach host=etcd.example tries=3 list=["a"] gone=undefined',
  ]);
});

Deno.test("makeLogger keeps one line one, whatever fields hold, and survives what JSON cannot say", () => {
  const world = memoryWorld();
  const log = makeLogger(world, { level: "debug" });
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  log.error("Odd", { text: "one\ntwo [error] forged" });
  log.error("Odd", { big: 1n });
  log.error("Odd", { circle });
  assert.equal(world.lines.length, 3);
  for (const line of world.lines) assert(!line.includes("\n"), JSON.stringify(line));
});

Deno.test("makeLogger writes to a file too, and says once when it cannot", () => {
  const world = memoryWorld();
  const log = makeLogger(world, { level: "error", file: "/var/log/plugin.log" });
  log.error("First");
  log.debug("Not asked for");
  assert.equal(world.files.get("/var/log/plugin.log"), `${world.lines[0]}\n`);
  const broken = memoryWorld({ files: { "/var/log/plugin.log": new Error("Read-only file system") } });
  const other = makeLogger(broken, { level: "error", file: "/var/log/plugin.log" });
  other.error("First");
  other.error("Second");
  assert.equal(broken.lines.length, 3);
  assert.equal(broken.lines[1], 'Cannot write log_file "/var/log/plugin.log": Read-only file system');
});

Deno.test("SILENT says nothing", () => {
  for (const say of [SILENT.error, SILENT.warn, SILENT.info, SILENT.debug]) assert.equal(say("Anything"), undefined);
});
