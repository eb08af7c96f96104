import assert from "node:assert/strict";
import { appendEvent, decodeHistory, hasEnded, HISTORY_FILE, readHistory } from "../../src/journal/history.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { memoryWorld } from "../support/world.ts";

Deno.test("the history has one line for each event, with its time and fields", async () => {
  const world = memoryWorld();
  await world.advance(5_000);
  appendEvent(world, "/j", "allocated", { ip: "10.0.0.1", pod: "default/web-0" });
  appendEvent(world, "/j", "failed", { code: 11, error: "line\nbreak" });
  assert.deepEqual(decodeHistory(await readHistory(world, "/j")), [
    { time: "1970-01-01T00:00:05.000Z", event: "allocated", ip: "10.0.0.1", pod: "default/web-0" },
    { time: "1970-01-01T00:00:05.000Z", event: "failed", code: 11, error: "line\nbreak" },
  ]);
});

Deno.test("the history skips lines that were cut off, and starts empty", async () => {
  const world = memoryWorld();
  assert.deepEqual(decodeHistory(await readHistory(world, "/j")), []);
  appendEvent(world, "/j", "released", { ip: "10.0.0.1" });
  const text = await readHistory(world, "/j");
  assert.deepEqual(decodeHistory(`${text}{"time":"2026\n[]\n{}\n${text}`).map(({ event }) => event), [
    "released",
    "released",
  ]);
});

Deno.test("an event that cannot be written fails nothing", () => {
  const world = { ...memoryWorld(), appendBounded: () => assert.fail("No space left on device") };
  appendEvent(world, "/j", "allocated", {});
});

Deno.test("the history is bounded: a full file becomes the previous one, and both are read in order", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const world = denoWorld();
    const error = "x".repeat(1024 * 1024);
    for (let code = 0; code < 20; code++) appendEvent(world, folder, "failed", { code, error });
    const sizes = [HISTORY_FILE, `${HISTORY_FILE}.1`].map((name) => Deno.statSync(`${folder}/${name}`).size);
    assert(sizes.every((size) => size <= 10 * 1024 * 1024), `${sizes}`);
    const codes = decodeHistory(await readHistory(world, folder)).map(({ code = -1 }) => code);
    assert.deepEqual(codes, Array.from(codes, (_, i) => 20 - codes.length + i));
    assert(codes.length >= 8);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("hasEnded goes by the newest event of the attachment: container, interface and network", async () => {
  const line = (event: string, more: Record<string, string> = {}) =>
    JSON.stringify({ time: "2026-01-01T00:00:00Z", event, container: "c1", if: "net1", network: "lab", ...more });
  const attachment = { network: "lab", containerId: "c1", ifName: "net1" };
  const others = [line("allocated", { if: "net2" }), line("allocated", { container: "c12" })];
  const ended = async (...events: readonly string[]) => {
    const files = { [`/j/${HISTORY_FILE}`]: [...events.map((event) => line(event)), ...others].join("\n") };
    return await hasEnded(memoryWorld({ files }), "/j", attachment);
  };
  assert.deepEqual([await ended("allocated", "released"), await ended("failed")], [true, true]);
  assert.deepEqual([await ended("released", "allocated"), await ended()], [false, false]);
});
