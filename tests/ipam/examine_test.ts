import assert from "node:assert/strict";
import { examine, type Examinee, unread } from "../../src/ipam/examine.ts";
import { Suspicions } from "../../src/ipam/suspicions.ts";
import type { Witness } from "../../src/ipam/witness.ts";
import type { NodeState, PodFacts } from "../../src/pool/pod_facts.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { hurriedClock } from "../support/hurried_clock.ts";

const NEVER = new AbortController().signal;
const ENDED: PodFacts = {
  podRef: "default/web",
  uid: "u",
  finished: false,
  running: false,
  deleting: true,
  containers: "ended",
};

function item(podRef = "default/web"): Examinee {
  const owner = { podRef, ifName: "net1", containerId: "c", node: "n1", uid: "u" };
  return {
    assignment: { owner, ip: { family: 4, value: 0x0a000005n } },
    rules: {},
    mark: podRef,
    podRef,
    reservations: false,
  };
}

function lab() {
  let now = 0;
  const node: NodeState = { ready: true, outOfService: false };
  let renewed = 0;
  const clock = { ...hurriedClock(), monotonic: () => now };
  const suspicions = new Suspicions(clock);
  return {
    suspicions,
    pass: (milliseconds: number) => now += milliseconds,
    renew: () => renewed++,
    look: async (witness: Partial<Witness> = {}) => {
      const findNode = () => Promise.resolve({ ...node, renewed: `t${renewed}` });
      const whole = { find: () => Promise.resolve(undefined), findNode, ...witness };
      const { examined, failures } = await examine({ clock }, whole, suspicions, [item()], NEVER);
      return [examined[0]?.verdict.kind, failures.length] as const;
    },
  };
}

Deno.test("examine frees after a node has renewed its Lease and its pod's grace period has passed since", async () => {
  const it = lab();
  assert.deepEqual(await it.look(), ["suspect", 0]);
  it.pass(120_000);
  assert.deepEqual(await it.look(), ["suspect", 0], "the node may be cut off");
  it.renew();
  assert.deepEqual(await it.look(), ["suspect", 0], "the node may have been cut off until now");
  it.pass(120_000);
  assert.deepEqual(await it.look(), ["free", 0]);
});

Deno.test("examine starts a new wait after a different sighting, but not after a failed read", async () => {
  const it = lab();
  await it.look();
  it.renew();
  await it.look();
  it.pass(60_000);
  assert.deepEqual(await it.look({ find: () => Promise.reject(new RefusedError("status 403")) }), ["unconfirmed", 1]);
  it.pass(60_000);
  assert.deepEqual(await it.look(), ["free", 0]);
  const other = lab();
  await other.look();
  other.renew();
  await other.look();
  other.pass(60_000);
  assert.deepEqual(await other.look({ find: () => Promise.resolve({ ...ENDED, running: true }) }), ["unconfirmed", 0]);
  other.pass(60_000);
  assert.deepEqual(await other.look(), ["suspect", 0]);
});

Deno.test("examine reads ResourceClaims only if nothing else keeps the address", async () => {
  const it = lab();
  let asked = 0;
  const claims = () => Promise.resolve((asked++, new Map([["default/web", new Set(["10.0.0.5"])]])));
  await it.look({ claims, find: () => Promise.resolve(ENDED) });
  assert.equal(asked, 0);
  assert.deepEqual([await it.look({ claims, lastSeen: () => ENDED }), asked], [["unconfirmed", 0], 1]);
  assert.deepEqual(await it.look({ claims: () => Promise.resolve(undefined), lastSeen: () => ENDED }), ["free", 0]);
});

Deno.test("unread is true if a part of the evidence could not be read", () => {
  const absent = { kind: "absent" } as const;
  assert.equal(unread({ pod: absent, claims: absent, node: absent }), false);
  assert.equal(unread({ pod: absent, claims: absent, node: { kind: "unread", why: "no" } }), true);
});
