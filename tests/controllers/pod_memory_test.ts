import assert from "node:assert/strict";
import { PodMemory } from "../../src/controllers/pod_memory.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { pod } from "./lab.ts";

const UID = "0b0c0d0e-0000-4000-8000-000000000001";
const OTHER = "0b0c0d0e-0000-4000-8000-000000000002";
const owner = (uid?: string) => ({ podRef: "default/web", ifName: "net1", containerId: "c", ...(uid && { uid }) });

Deno.test("PodMemory finds the pod of an owner, and without a uid the newest of its name", () => {
  let existing = undefined as PodFacts | undefined;
  const memory = new PodMemory(() => existing);
  assert.equal(memory.lastSeen(owner(UID)), undefined);
  const [former, next] = [pod("web", { uid: UID }), pod("web", { uid: OTHER })];
  memory.remember(former);
  assert.deepEqual([memory.lastSeen(owner(UID)), memory.lastSeen(owner())], [former, former]);
  existing = next;
  assert.deepEqual([memory.lastSeen(owner(UID)), memory.lastSeen(owner(OTHER)), memory.lastSeen(owner())], [
    former,
    next,
    next,
  ]);
});

Deno.test("PodMemory forgets the oldest pod beyond its limit", () => {
  const memory = new PodMemory(() => undefined);
  for (let i = 0; i <= 5_000; i++) memory.remember(pod(i === 0 ? "web" : `p${i}`));
  assert.equal(memory.lastSeen(owner()), undefined);
  assert(memory.lastSeen({ ...owner(), podRef: "default/p1" }));
});
