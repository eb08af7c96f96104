import assert from "node:assert/strict";
import { partsOf, progressLine, progressLines, showing, showingProgress } from "../../src/cli/progress.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";

const ERASE = "\r\x1b[K";

/** A line on a terminal, and what was written to it. */
function line(): { now: number; readonly out: string[]; readonly show: ReturnType<typeof progressLine> } {
  const out: string[] = [];
  const clock = { now: 0 };
  const show = progressLine((text) => void out.push(text), { monotonic: () => clock.now });
  return Object.assign(clock, { out, show });
}

Deno.test("progressLine shows nothing of what ends soon, then one line that is overwritten and erased", () => {
  const it = line();
  const reads = partsOf("pods", it.show);
  for (const [at, count] of [[0, 100], [499, 200], [500, 300], [550, 400], [600, 500]] as const) {
    it.now = at;
    reads(count);
  }
  it.show(undefined);
  it.show(undefined);
  assert.deepEqual(it.out, [`${ERASE}Reading pods: 300`, `${ERASE}Reading pods: 500`, ERASE]);
  it.now = 900;
  reads(1);
  it.show(undefined);
  assert.equal(it.out.length, 3, "the next work is measured from its own beginning");
});

Deno.test("progressLine shows at once what is known to last", () => {
  const it = line();
  it.show("Waiting 30 s", true);
  it.now = 50;
  it.show("Reading pods: 7");
  it.show(undefined);
  assert.deepEqual(it.out, [`${ERASE}Waiting 30 s`, ERASE]);
});

Deno.test("progressLines writes few lines, none of what ends soon, and at once what is known to last", () => {
  const out: string[] = [];
  const clock = { now: 0 };
  const show = progressLines({ monotonic: () => clock.now, stderr: (text) => void out.push(text) });
  for (let at = 0; at <= 30_000; at += 500) {
    clock.now = at;
    show(`after ${at}`);
  }
  show(undefined);
  assert.deepEqual(out, ["after 5000", "after 15000", "after 25000"]);
  clock.now = 36_000;
  show("the next work");
  show("Waiting 30 s", true);
  assert.deepEqual(out.slice(3), ["Waiting 30 s"]);
});

Deno.test("showing erases the line of work that fails, before its error is written", async () => {
  const out: string[] = [];
  const world = { monotonic: () => 0, stderr: (text: string) => void out.push(text) };
  const fails = (terminal: Parameters<typeof showing>[0]) =>
    assert.rejects(
      showing(terminal, (show) => {
        show("Moving", true);
        return Promise.reject(new Error("No answer"));
      }),
      /No answer/,
    );
  await fails({ world, progress: progressLine((text) => void out.push(text), world) });
  assert.deepEqual(out.splice(0), [`${ERASE}Moving`, ERASE]);
  await fails({ world });
  assert.deepEqual(out, ["Moving"]);
});

Deno.test("showingProgress shows the lists of a store, passes their parts on, and erases the line of a list that fails", async () => {
  const shown: (string | undefined)[] = [];
  const list = (_signal: AbortSignal, onPart?: (count: number) => void) => {
    onPart?.(7);
    return Promise.resolve([]);
  };
  const fails = (_network: unknown, signal: AbortSignal, onPart?: (count: number) => void) =>
    list(signal, onPart).then(() => Promise.reject(new Error("No answer")));
  const store = { list, reservations: { list: fails } } as unknown as StorageDriver;
  const driver = showingProgress(store, (text) => shown.push(text));
  const parts: number[] = [];
  const { signal } = new AbortController();
  await driver.list(signal, (count) => parts.push(count));
  await assert.rejects(driver.reservations?.list(undefined, signal) ?? Promise.resolve(), /No answer/);
  assert.deepEqual(parts, [7]);
  assert.deepEqual(shown, [
    "Reading pools: 7",
    undefined,
    "Reading reservations: 7",
    undefined,
  ]);
});
