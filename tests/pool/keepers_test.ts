import assert from "node:assert/strict";
import { keeperState } from "../../src/pool/keepers.ts";
import type { KeeperFacts, Reading } from "../../src/pool/pod_facts.ts";
import type { Keeper } from "../../src/pool/types.ts";

const SET: Keeper = { kind: "StatefulSet", name: "web-a", uid: "u1" };

function stateOf(podRef: string, keeper: Keeper, reading: Reading<KeeperFacts> | undefined): string {
  const state = keeperState({ podRef, ifName: "net1", containerId: "c", keeper }, reading);
  return state.kind === "gone" ? state.reason : state.kind;
}

Deno.test("keeperState: the ordinal is what follows the whole name of the set", () => {
  const of = (podRef: string, start: number, replicas: number) =>
    stateOf(podRef, SET, { kind: "found", value: { uid: "u1", deleting: false, ordinals: { start, replicas } } });
  assert.equal(of("default/web-a-0", 0, 1), "keeps");
  assert.equal(of("default/web-a-1", 0, 1), "StatefulSet was scaled down");
  assert.equal(of("default/web-a-10", 0, 11), "keeps");
  for (const name of ["web-a-01", "web-a-", "web-a-x", "web-a-1-1", "web-1", "web-a"]) {
    assert.equal(of(`default/${name}`, 0, 0), "unknown", name);
  }
});

Deno.test("keeperState names the keeper that it does not know", () => {
  const claim: Keeper = { kind: "IPAMClaim", name: "vm1.net1", uid: "u1" };
  const owner = { podRef: "default/x", ifName: "net1", containerId: "", keeper: claim };
  assert.deepEqual(keeperState(owner, { kind: "unread", why: "status 403" }), {
    kind: "unknown",
    why: "IPAMClaim vm1.net1 cannot be read: status 403",
  });
  assert.deepEqual(keeperState(owner, undefined), { kind: "unknown", why: "IPAMClaim vm1.net1 was not read" });
});
