import assert from "node:assert/strict";
import { Board } from "../../src/ui/board.ts";
import { modelOf } from "../../src/ui/model.ts";
import type { State } from "../../src/ui/types.ts";
import { allocation, keyOf, pool, reading } from "./lab.ts";

const one = (...pods: string[]) => pool(keyOf("10.0.0.0/24"), pods.map((pod, i) => allocation(`10.0.0.${i + 1}`, pod)));
const other = pool(keyOf("10.1.0.0/24"), []);

Deno.test("the version of a pool changes only when its addresses do", () => {
  const board = new Board(modelOf(reading([one("a/b"), other])), 5);
  const versions = () => board.state.summary.pools.map(({ version }) => version);
  assert.deepEqual(versions(), [1, 1]);
  board.update(modelOf(reading([one("a/b"), other])));
  assert.deepEqual(versions(), [1, 1]);
  board.update(modelOf(reading([one("a/b", "a/c"), other])));
  assert.deepEqual(versions(), [2, 1]);
  assert.deepEqual(JSON.parse(board.details())["10.0.0.0/24"].entries.length, 2);
});

Deno.test("a pool that was deleted is not found", () => {
  const board = new Board(modelOf(reading([one("a/b"), other])), 5);
  board.update(modelOf(reading([one("a/b")])));
  assert.equal(board.detail("10.1.0.0/24"), undefined);
  assert.deepEqual(Object.keys(JSON.parse(board.details())), ["10.0.0.0/24"]);
});

Deno.test("a failed read keeps what is known, and the next one that succeeds clears the error", () => {
  const board = new Board(modelOf(reading([one("a/b")])), 5);
  const seen: State[] = [];
  const unsubscribe = board.subscribe((state) => seen.push(state));
  board.fail("the store is gone");
  board.update(modelOf(reading([one("a/b")])));
  unsubscribe();
  board.fail("nobody hears this");
  assert.deepEqual(seen.map(({ error, summary }) => [error, summary.pools.length]), [["the store is gone", 1], [
    "",
    1,
  ]]);
});
