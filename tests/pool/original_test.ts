import assert from "node:assert/strict";
import { findBesideOriginal } from "../../src/pool/original.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";

const ORIGINAL: PodFacts = { podRef: "kube-system/whereabouts-x", finished: false, running: true, runsOriginal: true };
const OTHER: PodFacts = { podRef: "default/web", finished: false, running: true };

Deno.test("networks with persistent addresses are found only beside a controller of the original", () => {
  const found = (pods: readonly PodFacts[]) => findBesideOriginal(["default/net"], pods);
  assert.deepEqual(found([OTHER]), []);
  assert.deepEqual(found([{ ...ORIGINAL, finished: true }]), []);
  assert.deepEqual(found([OTHER, ORIGINAL]).map(({ kind, pool }) => `${kind} ${pool}`), [
    "persistent-beside-original default/net",
  ]);
  assert.deepEqual(findBesideOriginal([], [ORIGINAL]), []);
});
