import assert from "node:assert/strict";
import { partsOf, progressLine, showingProgress } from "../../src/cli/progress.ts";
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

Deno.test("showingProgress shows the lists of a store, passes their parts on, and erases the line of a list that fails", async () => {
  const shown: (string | undefined)[] = [];
  const list = (_signal: AbortSignal, onPart?: (count: number) => void) => {
    onPart?.(7);
    return Promise.resolve([]);
  };
  const fails = (_network: unknown, signal: AbortSignal, onPart?: (count: number) => void) =>
    list(signal, onPart).then(() => Promise.reject(new Error("No answer")));
  const store = { list, unreadable: list, reservations: { list: fails } } as unknown as StorageDriver;
  const driver = showingProgress(store, (text) => shown.push(text));
  const parts: number[] = [];
  const { signal } = new AbortController();
  await driver.list(signal, (count) => parts.push(count));
  await driver.unreadable?.(signal);
  await assert.rejects(driver.reservations?.list(undefined, signal) ?? Promise.resolve(), /No answer/);
  assert.deepEqual(parts, [7]);
  assert.deepEqual(shown, [
    "Reading pools: 7",
    undefined,
    "Reading pools and reservations: 7",
    undefined,
    "Reading reservations: 7",
    undefined,
  ]);
});
