import assert from "node:assert/strict";
import type { Sighting } from "../../src/pool/evidence.ts";
import { Suspicions } from "../../src/ipam/suspicions.ts";

const GONE: Sighting = { reason: "pod is gone", node: "ready", renewed: "t0" };
const A = { mark: "entry a", podRef: "default/a", reservations: false };
const B = { mark: "reservation b", podRef: "default/b", reservations: true };

function lab() {
  let now = 1_000_000;
  return { suspicions: new Suspicions({ monotonic: () => now }), pass: (milliseconds: number) => now += milliseconds };
}

Deno.test("Suspicions counts from the first sighting, as long as it stays the same", () => {
  const { suspicions, pass } = lab();
  suspicions.note(A, GONE, 30_000);
  pass(10_000);
  const earlier = suspicions.earlier(A);
  assert.deepEqual(earlier, { sighting: GONE, ago: 10_000 });
  suspicions.note(A, earlier?.sighting ?? GONE, 60_000);
  assert.deepEqual([suspicions.earlier(A)?.ago, suspicions.next], [10_000, 50_000]);
  suspicions.note(A, { ...GONE, node: "down" }, 30_000);
  assert.deepEqual([suspicions.earlier(A)?.ago, suspicions.next], [0, 30_000]);
});

Deno.test("Suspicions reports what is due, and when the first and the last suspect are", () => {
  const { suspicions, pass } = lab();
  assert.deepEqual([suspicions.next, suspicions.last, suspicions.size], [undefined, undefined, 0]);
  suspicions.note(A, GONE, 30_000);
  suspicions.note(B, GONE, 120_000);
  assert.deepEqual([suspicions.next, suspicions.last, suspicions.size], [30_000, 120_000, 2]);
  pass(30_000);
  assert.deepEqual(suspicions.due(1_000), { podRefs: new Set(["default/a"]), reservations: false });
  pass(89_500);
  assert.deepEqual(suspicions.due(1_000), { podRefs: new Set(["default/a", "default/b"]), reservations: true });
  assert.equal(suspicions.next, 0);
});

Deno.test("Suspicions keeps the sighting of a record that cannot be read, and retries later", () => {
  const { suspicions, pass } = lab();
  suspicions.postpone(B);
  suspicions.note(A, GONE, 30_000);
  pass(30_000);
  suspicions.postpone(A);
  assert.deepEqual([suspicions.size, suspicions.earlier(A)?.ago, suspicions.next], [1, 30_000, 30_000]);
});

Deno.test("Suspicions forgets records that a scan of its scope did not find", () => {
  const { suspicions } = lab();
  for (const one of [A, B]) suspicions.note(one, GONE, 30_000);
  suspicions.forgetOthers(new Set(), { podRefs: new Set(["default/b"]), reservations: false });
  assert.equal(suspicions.size, 2);
  suspicions.forgetOthers(new Set(), { podRefs: new Set(["default/b"]), reservations: true });
  assert.deepEqual([suspicions.earlier(A) !== undefined, suspicions.earlier(B)], [true, undefined]);
  suspicions.forgetOthers(new Set(["entry a"]), undefined);
  assert.equal(suspicions.size, 1);
  suspicions.forgetOthers(new Set(), undefined);
  assert.equal(suspicions.size, 0);
});

Deno.test("Suspicions confirms only what was seen long enough before", () => {
  const { suspicions, pass } = lab();
  assert.equal(suspicions.seenBefore(A, 30_000), false);
  pass(29_999);
  assert.equal(suspicions.seenBefore(A, 30_000), false);
  pass(1);
  assert.equal(suspicions.next, 0);
  assert.equal(suspicions.seenBefore(A, 30_000), true);
  assert.deepEqual(
    [suspicions.next, suspicions.last, suspicions.size],
    [undefined, undefined, 1],
    "nothing waits for it any more",
  );
  assert.equal(suspicions.seenBefore(A, 30_000), true);
  suspicions.clear(A);
  assert.equal(suspicions.seenBefore(A, 30_000), false);
});
