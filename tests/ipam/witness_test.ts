import assert from "node:assert/strict";
import { EvidenceReader, type Witness } from "../../src/ipam/witness.ts";
import type { Assignment } from "../../src/pool/evidence.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { hurriedClock } from "../support/hurried_clock.ts";

const NEVER = new AbortController().signal;
const WEB: PodFacts = { podRef: "default/web", finished: false, running: true };
const READY = { ready: true, outOfService: false, renewed: "t0" };

function assignment(podRef: string, node?: string): Assignment {
  return {
    owner: { podRef, ifName: "net1", containerId: "c", ...(node !== undefined && { node }) },
    ip: { family: 4, value: 5n },
  };
}

/** A cluster with pod web and node n1, and the requests that it got. */
function cluster(more: Partial<Witness> = {}) {
  const asked: string[] = [];
  const witness: Witness = {
    find: (podRef) => Promise.resolve((asked.push(podRef), podRef === WEB.podRef ? WEB : undefined)),
    findNode: (name) => Promise.resolve((asked.push(name), name === "n1" ? READY : undefined)),
    claims: (namespace) =>
      Promise.resolve((asked.push(`claims of ${namespace}`), new Map([["default/web", new Set(["10.0.0.5"])]]))),
    ...more,
  };
  return { asked, look: new EvidenceReader(witness, hurriedClock(), NEVER) };
}

Deno.test("EvidenceReader reads each pod and each node once, and ResourceClaims only on request", async () => {
  const { asked, look } = cluster();
  const items = [
    assignment("default/web", "n1"),
    assignment("default/web", "n1"),
    assignment("default/gone", "n2"),
    assignment("default/old"),
  ];
  const evidence = await look.evidence(items);
  assert.deepEqual(evidence.map(({ pod, node }) => [pod.kind, node?.kind]), [
    ["found", "found"],
    ["found", "found"],
    ["absent", "absent"],
    ["absent", undefined],
  ]);
  assert.deepEqual(asked.toSorted(), ["default/gone", "default/old", "default/web", "n1", "n2"]);
  const [web, , gone] = await look.withClaims(items, evidence);
  assert.deepEqual([web?.claims, gone?.claims], [
    { kind: "found", value: new Set(["10.0.0.5"]) },
    { kind: "found", value: new Set() },
  ]);
  assert.equal(asked.length, 6);
});

Deno.test("EvidenceReader uses the node of the last observed pod if the record has none", async () => {
  const last = { ...WEB, podRef: "default/old", node: "n1" };
  const { look } = cluster({ lastSeen: () => last });
  const [evidence] = await look.evidence([assignment("default/old")]);
  assert.deepEqual([evidence?.last, evidence?.node], [last, { kind: "found", value: READY }]);
});

Deno.test("EvidenceReader reports failed reads as unread, with the reason", async () => {
  const { look } = cluster({
    find: () => Promise.reject(new RefusedError("status 403")),
    findNode: () => Promise.reject(new UnavailableError("no answer")),
    claims: () => Promise.reject(new RefusedError("status 404")),
  });
  const items = [assignment("default/web", "n1")];
  const [evidence] = await look.withClaims(items, await look.evidence(items));
  assert.deepEqual([evidence?.pod, evidence?.node, evidence?.claims], [
    { kind: "unread", why: "status 403" },
    { kind: "unread", why: "no answer" },
    { kind: "unread", why: "status 404" },
  ]);
  assert.equal(look.failures.length, 3);
});

Deno.test("EvidenceReader has no nodes and claims without a cluster, and no claims if the resource is not served", async () => {
  const bare = new EvidenceReader({ find: () => Promise.resolve(undefined) }, hurriedClock(), NEVER);
  const items = [assignment("default/web", "n1")];
  const [evidence] = await bare.withClaims(items, await bare.evidence(items));
  assert.deepEqual([evidence?.node, evidence?.claims], [undefined, { kind: "absent" }]);
  const { look } = cluster({ claims: () => Promise.resolve(undefined) });
  assert.deepEqual((await look.withClaims(items, await look.evidence(items)))[0]?.claims, { kind: "absent" });
});

Deno.test("EvidenceReader rejects with its signal's reason, and finds the pods that exist", async () => {
  const stop = new AbortController();
  const find = () => {
    stop.abort(new Error("no longer the leader"));
    return Promise.reject(new Error("cut"));
  };
  await assert.rejects(
    new EvidenceReader({ find }, hurriedClock(), stop.signal).evidence([assignment("default/web")]),
    /no longer the leader/,
  );
  assert.deepEqual(await cluster().look.pods(["default/gone", "default/web"]), [WEB]);
});

Deno.test("EvidenceReader reads the keeper of an owner once, in the namespace of its pod, and none for other owners", async () => {
  const asked: string[] = [];
  const facts = { uid: "u1", deleting: false };
  const { look } = cluster({
    findKeeper: ({ kind, name }, namespace) => {
      asked.push(`${kind} ${namespace}/${name}`);
      return name === "gone" ? Promise.resolve(undefined) : Promise.resolve(facts);
    },
  });
  const kept = (podRef: string, name: string): Assignment => {
    const plain = assignment(podRef);
    return { ...plain, owner: { ...plain.owner, keeper: { kind: "IPAMClaim", name, uid: "u1" } } };
  };
  const items = [
    kept("default/web", "vm"),
    kept("default/web", "vm"),
    kept("other/web", "gone"),
    assignment("default/x"),
  ];
  const evidence = await look.evidence(items);
  assert.deepEqual(evidence.map(({ keeper }) => keeper), [
    { kind: "found", value: facts },
    { kind: "found", value: facts },
    { kind: "absent" },
    undefined,
  ]);
  assert.deepEqual(asked.toSorted(), ["IPAMClaim default/vm", "IPAMClaim other/gone"]);
});

Deno.test("EvidenceReader reports a keeper that cannot be read as unread, and has none without a cluster", async () => {
  const plain = assignment("default/web");
  const items = [{
    ...plain,
    owner: { ...plain.owner, keeper: { kind: "StatefulSet", name: "web", uid: "u1" } as const },
  }];
  const { look } = cluster({ findKeeper: () => Promise.reject(new RefusedError("status 403")) });
  assert.deepEqual((await look.evidence(items))[0]?.keeper, { kind: "unread", why: "status 403" });
  assert.equal(look.failures.length, 1);
  assert.equal((await cluster().look.evidence(items))[0]?.keeper, undefined);
});
