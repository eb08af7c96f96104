import assert from "node:assert/strict";
import { denoWorld } from "../../src/world/deno.ts";

const FOLDER = "/run/whereabouts/locks";
const world = denoWorld();
const { signal } = new AbortController();

/** Without write permission there are no locks; the test then checks that the folder is not writable. */
function hasFolder(): boolean {
  try {
    Deno.mkdirSync(FOLDER, { recursive: true });
    Deno.writeTextFileSync(`${FOLDER}/test`, "");
    Deno.removeSync(`${FOLDER}/test`);
    return true;
  } catch {
    return false;
  }
}

const unique = () => `test:${crypto.randomUUID()}`;
const isLeft = (name: string) => [...Deno.readDirSync(FOLDER)].some((entry) => entry.name === name);

function isHeld(name: string): boolean {
  using file = Deno.openSync(`${FOLDER}/${name}`, { write: true });
  return !file.tryLockSync(true);
}

Deno.test("lock is exclusive, a wait ends with the signal's reason, and no file is left", async () => {
  const name = unique();
  const first = await world.lock(name, signal);
  if (!first) return assert.equal(hasFolder(), false);
  assert.ok(isHeld(name));
  const reason = new Error("Enough");
  const controller = new AbortController();
  const aborted = world.lock(name, controller.signal);
  const order: string[] = [];
  const second = world.lock(name, signal).then((lock) => {
    order.push("locked");
    return lock;
  });
  controller.abort(reason);
  await assert.rejects(aborted, reason);
  await assert.rejects(world.lock(name, AbortSignal.abort(reason)), reason);
  order.push("released");
  first[Symbol.dispose]();
  const next = await second;
  first[Symbol.dispose](); // which is not the second one's
  assert.ok(isHeld(name));
  next?.[Symbol.dispose]();
  assert.deepEqual(order, ["released", "locked"]);
  await untilClosed(name);
  assert.equal(isLeft(name), false);
  (await world.lock(name, signal))?.[Symbol.dispose]();
  assert.equal(isLeft(name), false);
});

/** An aborted waiter's thread still gets the lock once it is free, and releases it at once. */
async function untilClosed(name: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  const isOpen = () =>
    [...Deno.readDirSync("/proc/self/fd")].some((entry) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${entry.name}`).startsWith(`${FOLDER}/${name}`);
      } catch {
        return false; // closed meanwhile
      }
    });
  while (isOpen()) {
    assert(performance.now() < deadline, `${name} is still open`);
    await world.sleep(5);
  }
}

Deno.test("lock excludes other processes although each holder removes its file", async () => {
  if (!hasFolder()) return;
  const name = unique();
  const folder = await Deno.makeTempDir();
  const script = `
    import { denoWorld } from ${JSON.stringify(new URL("../../src/world/deno.ts", import.meta.url).href)};
    const world = denoWorld();
    for (let i = 0; i < 150; i++) {
      using _lock = await world.lock(${JSON.stringify(name)}, new AbortController().signal);
      Deno.openSync(${JSON.stringify(`${folder}/inside`)}, { createNew: true, write: true }).close();
      if (i % 3 === 0) await world.sleep(0);
      Deno.removeSync(${JSON.stringify(`${folder}/inside`)});
    }
  `;
  await Deno.writeTextFile(`${folder}/script.ts`, script);
  const runs = Array.from(
    { length: 4 },
    () => new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-check", `${folder}/script.ts`] }).output(),
  );
  for (const { code, stderr } of await Promise.all(runs)) assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.equal(isLeft(name), false);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("lock serves more waiters than there are threads to wait in", async () => {
  if (!hasFolder()) return;
  const name = unique();
  const first = await world.lock(name, signal);
  const stop = new AbortController();
  const beyond = Array.from({ length: 64 }, () => world.lock(name, signal).then((lock) => lock?.[Symbol.dispose]()));
  const gone = world.lock(name, stop.signal);
  beyond.push(...Array.from({ length: 10 }, () => world.lock(name, signal).then((lock) => lock?.[Symbol.dispose]())));
  stop.abort(new Error("gone"));
  await assert.rejects(gone, /gone/);
  await world.readTextFile("/proc/self/stat"); // the process continues
  first?.[Symbol.dispose]();
  await Promise.all(beyond);
  await untilClosed(name);
  assert.equal(isLeft(name), false);
});
