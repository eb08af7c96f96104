import assert from "node:assert/strict";
import { findBesideOriginal, originalOf, refusalsIn, refusalsToWrite } from "../../src/pool/original.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { CIDR } from "./pools.ts";

const key: PoolKey = { network: "", cidr: CIDR };
const BY = "DaemonSet kube-system/whereabouts";
const ORIGINAL: PodFacts = { podRef: "kube-system/whereabouts-x", finished: false, running: true, original: BY };
const OTHER: PodFacts = { podRef: "default/web", finished: false, running: true };
const NETWORK = { network: "default/net", pools: [key] };

Deno.test("networks with persistent addresses are found only beside a controller of the original", () => {
  const found = (pods: readonly PodFacts[]) => findBesideOriginal([NETWORK], pods);
  assert.deepEqual(found([OTHER]), []);
  const [finding, ...more] = found([OTHER, ORIGINAL]);
  assert.deepEqual(more, []);
  assert.deepEqual([finding?.kind, finding?.pool], ["persistent-beside-original", "default/net"]);
  assert(finding?.message.includes(BY));
  assert.deepEqual(findBesideOriginal([], [ORIGINAL]), []);
});

Deno.test("of several controllers of the original, the same one is named whatever the order of pods", () => {
  const other = { ...ORIGINAL, original: "CronJob kube-system/ip-reconciler" };
  assert.equal(originalOf([OTHER]), undefined);
  for (const pods of [[ORIGINAL, other], [other, OTHER, ORIGINAL]]) assert.equal(originalOf(pods), other.original);
});

Deno.test("the pools of networks with persistent addresses refuse keepers beside the original, and no others", () => {
  const elsewhere: PoolKey = { ...key, network: "other" };
  const facts = (of: PoolKey, by?: string) => ({
    key: of,
    allocations: new Map(),
    ...(by !== undefined && { refusesKeepers: by }),
  });
  const written = (by: string | undefined, ...pools: ReturnType<typeof facts>[]) =>
    refusalsToWrite([NETWORK, { ...NETWORK, network: "default/same" }], by, refusalsIn(pools))
      .map((one) => [formatPoolKey(one.key), one.by]);
  const [name, other] = [formatPoolKey(key), formatPoolKey(elsewhere)];
  assert.deepEqual(written(undefined, facts(key), facts(elsewhere)), []);
  assert.deepEqual(written(BY), [[name, BY]]);
  assert.deepEqual(written(BY, facts(key), facts(elsewhere)), [[name, BY]]);
  assert.deepEqual(written(BY, facts(key, BY)), []);
  assert.deepEqual(written(BY, facts(key, "Pod default/old")), [[name, BY]]);
  assert.deepEqual(
    written(BY, facts(key, BY), facts(elsewhere, BY)),
    [[other, undefined]],
    "its network keeps no more",
  );
  assert.deepEqual(written(undefined, facts(key, BY), facts(elsewhere, BY)), [[name, undefined], [other, undefined]]);
});
