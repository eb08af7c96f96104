import assert from "node:assert/strict";
import { listKept } from "../../src/ipam/list_kept.ts";
import type { Pods } from "../../src/ipam/sweep.ts";
import type { KeeperFacts, PodFacts } from "../../src/pool/pod_facts.ts";
import type { Allocation, Keeper } from "../../src/pool/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { ipamOn, memory, never, range } from "./lab.ts";

const { cidr } = range("10.0.0.0/24");
const CLAIM: Keeper = { kind: "IPAMClaim", name: "vm1", uid: "u1" };

/** A store with one entry per owner. */
async function storeOf(...entries: Partial<Allocation>[]) {
  const driver = await memory();
  const allocations = entries.map((one, i): Allocation => ({
    address: cidr.base + BigInt(i + 1),
    podRef: `default/p${i}`,
    ifName: "net1",
    containerId: "c",
    ...one,
  }));
  const pools = [{ key: { network: "", cidr }, allocations: new Map(allocations.map((one) => [one.address, one])) }];
  const list = () => Promise.resolve(pools.map((pool) => ({ ...pool, version: undefined })));
  return { ...ipamOn({ ...driver, list }), [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose]() };
}

function cluster(pods: readonly PodFacts[], keeper: Partial<KeeperFacts> | "absent" | "unread" = {}): Pods {
  return {
    list: () => Promise.resolve(pods),
    find: (podRef) => Promise.resolve(pods.find((pod) => pod.podRef === podRef)),
    findKeeper: () => {
      if (keeper === "unread") return Promise.reject(new RefusedError("status 403"));
      return Promise.resolve(keeper === "absent" ? undefined : { uid: "u1", deleting: false, ...keeper });
    },
  };
}

const RUNNING: PodFacts = { podRef: "default/p0", finished: false, running: true };

Deno.test("listKept lists only entries with a keeper, with their state", async () => {
  const stateOf = async (source: Pods | undefined, entry: Partial<Allocation> = {}) => {
    await using ipam = await storeOf({ keeper: CLAIM, ...entry }, {});
    return (await listKept(ipam, source, never())).map(({ state, why }) => [state, why]);
  };
  assert.deepEqual(await stateOf(cluster([RUNNING])), [["in use", undefined]]);
  const finished = { ...RUNNING, running: false, finished: true, containers: "ended" } as const;
  assert.deepEqual(await stateOf(cluster([{ ...finished, sandboxMissing: true }])), [["stopped", undefined]]);
  for (const pods of [[finished], []]) { // the sandbox exists, or may
    assert.deepEqual(await stateOf(cluster(pods)), [["in use", undefined]]);
  }
  const another = { ...finished, sandboxMissing: true, uid: "0b0c0d0e-0000-4000-8000-000000000002" };
  const recorded = { uid: "0b0c0d0e-0000-4000-8000-000000000001" };
  assert.deepEqual(await stateOf(cluster([another]), recorded), [["in use", undefined]], "a later pod of the name");
  const former = { podRef: "default/source", containerId: "c0" };
  assert.deepEqual(await stateOf(cluster([{ ...finished, sandboxMissing: true }]), { former }), [[
    "in use",
    undefined,
  ]]);
  assert.deepEqual(await stateOf(cluster([RUNNING]), { containerId: "" }), [["stopped", undefined]]);
  assert.deepEqual(await stateOf(cluster([], "absent")), [["gone", "IPAMClaim is gone"]]);
  assert.deepEqual(await stateOf(cluster([RUNNING], { uid: "u2" })), [["gone", "IPAMClaim is gone"]]);
  assert.deepEqual(await stateOf(cluster([], "unread")), [["unknown", "IPAMClaim vm1 cannot be read: status 403"]]);
  assert.deepEqual(await stateOf(undefined), [["unknown", "IPAMClaim vm1 was not read"]]);
});

Deno.test("listKept reports an address that another pod uses as a conflict", async () => {
  await using ipam = await storeOf({ keeper: CLAIM });
  const interfaces = [{ ifName: "net1", network: "net", ips: ["10.0.0.1"] }];
  const other: PodFacts = { ...RUNNING, podRef: "default/x", interfaces };
  assert.deepEqual((await listKept(ipam, cluster([RUNNING, other]), never())).map(({ state, why }) => [state, why]), [
    ["conflict", "default/x uses 10.0.0.1, which is allocated to default/p0 (net1)"],
  ]);
});

Deno.test("listKept reads nothing else without kept addresses", async () => {
  await using ipam = await storeOf({}, {});
  const source: Pods = { ...cluster([]), list: () => Promise.reject(new Error("read")) };
  assert.deepEqual(await listKept(ipam, source, never()), []);
});
