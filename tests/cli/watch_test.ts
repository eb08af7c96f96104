import assert from "node:assert/strict";
import { PLAIN } from "../../src/cli/style.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { watching } from "../../src/cli/watch.ts";
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";

/** Watches a command that prints these outputs, or fails; it ends by an error that is final. */
async function watched(rounds: readonly (string | Error)[], whole = false) {
  const out: string[] = [];
  const err: string[] = [];
  const world = { stderr: (line: string) => void err.push(line), sleep: () => Promise.resolve() };
  const terminal = { world, style: PLAIN, print: (line: string) => void out.push(line) };
  const waiting = [...rounds, new RefusedError("The end")];
  const run = ({ print, world: { stderr } }: Terminal) => {
    const next = waiting.shift() ?? "";
    if (next instanceof Error) return Promise.reject(next);
    stderr("a remark");
    next.split("\n").forEach(print);
    return Promise.resolve(0);
  };
  await assert.rejects(watching(terminal as unknown as Terminal, { watch: true }, whole, run), /The end/);
  return { out, err };
}

Deno.test("watching prints the first output, and then lines that are new or gone", async () => {
  const { out } = await watched(["POOL  USED\na  1\nb  2", "POOL  USED\na  1\nb  2", "POOL  USED\na  3\nc  1"]);
  assert.deepEqual(out, ["POOL  USED", "a  1", "b  2", "- b  2", "a  3", "c  1"]);
});

Deno.test("watching compares the lines of a table that is printed at once", async () => {
  const out: string[] = [];
  const rounds = ["POOL  USED\na  1", "POOL  USED\na  2"];
  const sleep = () => rounds.length > 0 ? Promise.resolve() : Promise.reject(new RefusedError("The end"));
  const terminal = { world: { stderr: () => {}, sleep }, style: PLAIN, print: (line: string) => void out.push(line) };
  const run = ({ print }: Terminal) => Promise.resolve(print(rounds.shift() ?? "")).then(() => 0);
  await assert.rejects(watching(terminal as unknown as Terminal, { watch: true }, false, run), /The end/);
  assert.deepEqual(out, ["POOL  USED", "a  1", "a  2"]);
});

Deno.test("watching prints one of two lines of a subject that is gone", async () => {
  const { out } = await watched(["a pool\na reservation", "a pool"]);
  assert.deepEqual(out, ["a pool", "a reservation", "- a reservation"]);
});

Deno.test("watching prints a changed document whole", async () => {
  const { out } = await watched(["{\n1\n}", "{\n1\n}", "{\n2\n}"], true);
  assert.deepEqual(out, ["{", "1", "}", "{", "2", "}"]);
});

Deno.test("watching resumes after failures that pass, and repeats no remark", async () => {
  const late = new DOMException("Timed out", "TimeoutError");
  const { out, err } = await watched(["a 1", new UnavailableError("Too many requests (429)"), late, "a 1", "a 2"]);
  assert.deepEqual(out, ["a 1", "a 2"]);
  assert.deepEqual(err, ["a remark", "Too many requests (429); retrying", "Timed out; retrying", "a remark"]);
});

Deno.test("without the flag a command runs once", async () => {
  const terminal = {} as Terminal;
  assert.equal(
    await watching(terminal, { watch: false }, false, (same) => Promise.resolve(same === terminal ? 3 : 1)),
    3,
  );
});
