import assert from "node:assert/strict";
import { claimListener, nodeListener } from "../../src/controllers/listeners.ts";

Deno.test("claimListener reports claims that were deleted, or recreated under their name", () => {
  let ended = 0;
  const { put, removed } = claimListener(() => void ended++);
  const claim = { namespace: "default", name: "vm", uid: "u1" };
  put?.(claim, undefined);
  put?.(claim, claim);
  assert.equal(ended, 0);
  put?.({ ...claim, uid: "u2" }, claim);
  assert.equal(ended, 1);
  removed?.(claim);
  assert.equal(ended, 2);
});

Deno.test("nodeListener reports nodes that were created, deleted or fenced", () => {
  const seen: string[] = [];
  const { put, removed } = nodeListener(() => void seen.push("changed"), () => void seen.push("ended"));
  const node = { name: "n1" };
  put?.(node, undefined);
  put?.(node, node);
  assert.deepEqual(seen.splice(0), ["changed"]);
  const fenced = { ...node, outOfService: true };
  put?.(fenced, node);
  put?.(fenced, fenced);
  assert.deepEqual(seen.splice(0), ["ended"]);
  removed?.(fenced);
  assert.deepEqual(seen, ["changed", "ended"]);
});
