import assert from "node:assert/strict";
import { LOG_LEVELS, makeLogger, parseLogFormat, parseLogLevel, SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";

Deno.test("makeLogger writes its level and the less verbose ones", () => {
  const written = (["panic", ...LOG_LEVELS] as const).map((level) => {
    const world = memoryWorld();
    const log = makeLogger(world, { level });
    for (const say of [log.error, log.warn, log.info, log.debug]) say("Something");
    return world.lines.map((line) => / level=(\w+)/.exec(line)?.[1]);
  });
  assert.deepEqual(written, [
    [],
    ["error"],
    ["error", "warning"],
    ["error", "warning", "info"],
    ["error", "warning", "info", "debug"],
  ]);
});

Deno.test("parseLogLevel accepts our names and the original's, in any case", () => {
  const read = ["error", "Warning", "warn", "INFO", "verbose", "debug", "panic"].map(parseLogLevel);
  assert.deepEqual(read, ["error", "warning", "warning", "info", "info", "debug", "panic"]);
  for (const text of ["", "loud", "constructor", "error "]) assert.equal(parseLogLevel(text), undefined, text);
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
    'time=2026-11-24T13:05:07.089Z level=error msg="Cannot reach" host=etcd.example tries=3 list="[\\"a\\"]"',
  ]);
});

Deno.test("makeLogger quotes text that would be read as another field", () => {
  const world = memoryWorld();
  makeLogger(world, { level: "info" }).info("Released", { pod: "web/api-0", why: 'no "pod"', empty: "", pair: "a=b" });
  assert.match(world.lines[0] ?? "", / pod=web\/api-0 why="no \\"pod\\"" empty="" pair="a=b"$/);
});

Deno.test("makeLogger writes one line for any fields, including values that JSON cannot represent", () => {
  const world = memoryWorld();
  const log = makeLogger(world, { level: "debug" });
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  log.error("Odd", { text: "one\ntwo [error] forged" });
  log.error("Odd", { big: 1n });
  log.error("Odd", { circle });
  log.error("Unknown field ipam.\nssh-ed25519 AAAA\r\u2028forged\u0085\u001b[2J");
  log.error("Odd", { "na\nme": "x" });
  assert.equal(world.lines.length, 5);
  // deno-lint-ignore no-control-regex -- they are what must not be there
  for (const line of world.lines) assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
  assert.match(world.lines[3] ?? "", /ipam\.\\nssh-ed25519/);
});

Deno.test("makeLogger also writes to a file, and logs once if it cannot", () => {
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
  assert.match(
    broken.lines[1] ?? "",
    /level=error msg="Cannot write log_file" file=\/var\/log\/plugin\.log error="Read-only file system"$/,
  );
});

Deno.test("makeLogger writes one JSON object per line with the same members, for any fields", () => {
  const world = memoryWorld({ now: Date.UTC(2026, 10, 24, 13, 5, 7, 89) });
  const log = makeLogger(world, { level: "info", format: "json", file: "/var/log/plugin.log" });
  log.info("Allocated address", { ip: "10.0.0.1", pod: "web/api-0", ms: 8, absent: undefined });
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  log.error("Odd\u2028", { big: 1n, circle, "na\nme": "a\u0085b" });
  assert.deepEqual(world.lines.map((line) => JSON.parse(line)), [
    {
      time: "2026-11-24T13:05:07.089Z",
      level: "info",
      msg: "Allocated address",
      ip: "10.0.0.1",
      pod: "web/api-0",
      ms: 8,
    },
    {
      ...{ time: "2026-11-24T13:05:07.089Z", level: "error", msg: "Odd\u2028" },
      ...{ big: "1", circle: "[object Object]", "na\nme": "a\u0085b" },
    },
  ]);
  assert.equal(world.files.get("/var/log/plugin.log"), world.lines.map((line) => `${line}\n`).join(""));
  // deno-lint-ignore no-control-regex -- they are what must not be there
  for (const line of world.lines) assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
});

Deno.test("parseLogFormat reads the two formats", () => {
  assert.deepEqual(["logfmt", "json", "JSON", ""].map(parseLogFormat), ["logfmt", "json", undefined, undefined]);
});

Deno.test("SILENT writes nothing", () => {
  for (const say of [SILENT.error, SILENT.warn, SILENT.info, SILENT.debug]) assert.equal(say("Anything"), undefined);
});
