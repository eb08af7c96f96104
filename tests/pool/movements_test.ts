import assert from "node:assert/strict";
import { Movements } from "../../src/pool/movements.ts";
import type { Allocation } from "../../src/pool/types.ts";

/** A pool in which pods have addresses, by the last part of the address. */
function pool(name: string, pods: Readonly<Record<number, string>>) {
  const entries = Object.entries(pods).map(([offset, pod]): [bigint, Allocation] => {
    const address = (10n << 24n) + BigInt(offset);
    return [address, { address, podRef: `default/${pod}`, ifName: "net1", containerId: `c-${pod}` }];
  });
  return { name, family: 4 as const, allocations: new Map(entries) };
}

function shown({ changes }: Movements): string[] {
  return changes.map(({ kind, address, podRef, pool }) => `${kind} ${address} ${podRef} ${pool}`);
}

Deno.test("Movements finds what was allocated, released and moved, newest first; the first read is no change", () => {
  const movements = new Movements();
  movements.add([pool("a", { 1: "web", 2: "db" })], 0);
  assert.deepEqual(shown(movements), []);
  movements.add([pool("a", { 2: "db", 3: "new" })], 1_000);
  movements.add([pool("a", { 2: "other", 3: "new" })], 2_000);
  assert.deepEqual(shown(movements), [
    "moved 10.0.0.2 default/other a",
    "released 10.0.0.1 default/web a",
    "allocated 10.0.0.3 default/new a",
  ]);
  assert.deepEqual(movements.changes.map(({ at }) => at), [2_000, 1_000, 1_000]);
});

Deno.test("Movements finds the addresses of pools that appear and disappear", () => {
  const movements = new Movements();
  movements.add([pool("a", { 1: "web" })], 0);
  movements.add([pool("b", { 1: "web" })], 1);
  assert.deepEqual(shown(movements), ["released 10.0.0.1 default/web a", "allocated 10.0.0.1 default/web b"]);
});

Deno.test("Movements takes the rate over the last five minutes", () => {
  const movements = new Movements();
  movements.add([pool("a", {})], 0);
  assert.equal(movements.perMinute("a"), undefined);
  movements.add([pool("a", { 1: "x", 2: "y" })], 60_000);
  assert.equal(movements.perMinute("a"), 2);
  movements.add([pool("a", { 1: "x" })], 360_000);
  assert.equal(movements.perMinute("a"), -0.2, "the read at 0 is too old");
  assert.equal(movements.perMinute("unknown"), 0);
});

Deno.test("Movements keeps a bounded number of changes", () => {
  const movements = new Movements();
  movements.add([pool("a", {})], 0);
  movements.add([pool("a", Object.fromEntries(Array.from({ length: 150 }, (_, i) => [i + 1, `p${i}`])))], 1);
  assert.equal(movements.changes.length, 100);
});
