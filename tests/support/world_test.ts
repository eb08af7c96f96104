import assert from "node:assert/strict";
import { makeRandom, memoryWorld } from "./world.ts";

Deno.test("memoryWorld serves the files, folders, environment and input it was given", async () => {
  const world = memoryWorld({
    files: { "/etc/a/b.conf": "text", "/etc/broken": new Error("Permission denied") },
    folders: ["/empty"],
    env: { NODENAME: "n1" },
    stdin: "hello",
    sockets: { "/run/echo": (text) => Promise.resolve(text + text) },
  });
  assert.equal(await world.exchange("/run/echo", "ab", 1), "abab");
  assert.equal(await world.exchange("/run/none", "ab", 1), undefined);
  assert.equal(await world.readTextFile("/etc/a/b.conf"), "text");
  assert.equal(await world.isDirectory("/etc/a/"), true);
  assert.equal(await world.isDirectory("/empty"), true);
  assert.equal(await world.isDirectory("/etc/a/b.conf"), false);
  assert.equal(await world.exists("/etc/a"), true);
  assert.equal(await world.exists("/etc/ab"), false);
  await assert.rejects(world.readTextFile("/absent"), { name: "NotFound" });
  await assert.rejects(world.readTextFile("/etc/broken"), { message: "Permission denied" });
  await assert.rejects(world.readTextFile("/etc/a"), { message: "Is a directory: /etc/a" });
  assert.equal(world.env("NODENAME"), "n1");
  assert.equal(world.env("HOME"), undefined);
  assert.equal(new TextDecoder().decode(await world.stdin(5)), "hello");
  await assert.rejects(world.stdin(4), RangeError);
  world.appendTextFile("/log", "1");
  world.appendTextFile("/log", "2");
  assert.equal(world.files.get("/log"), "12");
  assert.throws(() => world.appendTextFile("/etc/broken", "x"), { message: "Permission denied" });
  await world.writeFile("/made/1", "whole", { durable: true });
  await world.writeFile("/made/2/3", "deep", { durable: false });
  assert.deepEqual(await world.listFolder("/made"), ["1", "2"]);
  await world.remove("/made/1");
  await world.remove("/made/1");
  assert.deepEqual(await world.listFolder("/made/"), ["2"]);
  assert.deepEqual(await world.listFolder("/absent"), []);
  world.stderr("line");
  assert.deepEqual(world.lines, ["line"]);
});

Deno.test("memoryWorld wakes sleepers in the order of their times, and only when the clock is moved", async () => {
  const world = memoryWorld({ now: 1000 });
  const woken: string[] = [];
  const note = (name: string) => () => woken.push(`${name} at ${world.now()}`);
  world.sleep(20).then(note("late"));
  world.sleep(10).then(note("early")).then(() => world.sleep(5)).then(note("again"));
  await world.advance(9);
  assert.deepEqual(woken, []);
  assert.equal(world.sleepers(), 2);
  await world.advance(11);
  assert.deepEqual(woken, ["early at 1010", "again at 1015", "late at 1020"]);
  assert.equal(world.now(), 1020);
});

Deno.test("memoryWorld ends a sleep when its signal aborts", async () => {
  const world = memoryWorld();
  const stop = new AbortController();
  const sleeping = world.sleep(10, stop.signal);
  stop.abort(new Error("Enough"));
  await assert.rejects(sleeping, { message: "Enough" });
  await assert.rejects(world.sleep(10, stop.signal), { message: "Enough" });
  assert.equal(world.sleepers(), 0);
});

Deno.test("memoryWorld gives a lock in the order of asking, and past who gave up waiting", async () => {
  const world = memoryWorld();
  const never = new AbortController().signal;
  const stop = new AbortController();
  const order: string[] = [];
  const take = async (name: string, signal: AbortSignal) => {
    using _lock = await world.lock("pool", signal);
    order.push(name);
  };
  const first = await world.lock("pool", never);
  const second = take("second", stop.signal);
  const third = take("third", never);
  stop.abort(new Error("Enough"));
  await assert.rejects(second, { message: "Enough" });
  using _other = await world.lock("another", never);
  assert.deepEqual(order, []);
  first?.[Symbol.dispose]();
  await third;
  assert.deepEqual(order, ["third"]);
});

Deno.test("makeRandom repeats for a seed and stays from 0 to 1", () => {
  const draw = (seed: number) => Array.from({ length: 1000 }, makeRandom(seed));
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  assert.ok(draw(7).every((value) => value >= 0 && value < 1));
  const mean = draw(7).reduce((sum, value) => sum + value) / 1000;
  assert.ok(mean > 0.45 && mean < 0.55, `mean is ${mean}`);
});
