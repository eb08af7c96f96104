import assert from "node:assert/strict";
import { parseIp } from "../../src/address/ip.ts";
import { parseCidr } from "../../src/address/cidr.ts";
import { holdersOf } from "../../src/cli/holder.ts";
import type { Assignment } from "../../src/pool/evidence.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";

const { signal } = new AbortController();

function assignment(podRef: string): Assignment {
  const ip = parseIp("10.0.0.5");
  const range = parseCidr("10.0.0.0/24")?.cidr;
  assert(ip && range);
  return { owner: { podRef, ifName: "net1", containerId: "c1" }, ip, range };
}

const POD: PodFacts = { podRef: "web/a", node: "worker-1", finished: false, running: true };

/** A pod, or the error of its read; and its state. */
const CASES: readonly (readonly [pod: PodFacts | undefined | Error, state: string, inUse: boolean])[] = [
  [{ ...POD, addresses: ["10.0.0.5"] }, "running on worker-1, uses it", true],
  [POD, "running on worker-1, may use it", true],
  [
    {
      ...POD,
      addresses: ["10.0.0.9"],
      interfaces: [{ ifName: "net1", ips: ["10.0.0.9"] }],
    },
    "pod does not use it",
    false,
  ],
  [{ ...POD, running: false }, "pod exists on worker-1, not running", true],
  [
    { ...POD, finished: true, running: false, containers: "running" },
    "finished on worker-1, containers may still run",
    true,
  ],
  [{ ...POD, finished: true, running: false, containers: "ended" }, "pod does not use it", false],
  [{ ...POD, hostNetwork: true }, "pod does not use it", false],
  [undefined, "pod not found", false],
  [new Error("pods is forbidden"), "unknown: pods is forbidden", true],
];

Deno.test("holdersOf returns the state of a pod, and whether it may use the address", async () => {
  for (const [pod, state, inUse] of CASES) {
    const find = () => pod instanceof Error ? Promise.reject(pod) : Promise.resolve(pod);
    assert.deepEqual(await holdersOf([assignment("web/a")], { find }, signal), [{ state, inUse }], state);
  }
});

Deno.test("holdersOf reads each pod once, and none for a record without a pod", async () => {
  const read: string[] = [];
  const find = (podRef: string) => {
    read.push(podRef);
    return Promise.resolve(undefined);
  };
  const targets = ["web/a", "web/b", "web/a", "", "c0ffee"].map(assignment);
  const holders = await holdersOf(targets, { find }, signal);
  assert.deepEqual(read, ["web/a", "web/b"]);
  assert.deepEqual(holders.map(({ inUse }) => inUse), [false, false, false, false, false]);
  assert.match(holders[4]?.state ?? "", /has no pod/);
  assert.match((await holdersOf(targets, undefined, signal))[0]?.state ?? "", /no cluster selected/);
});

Deno.test("holdersOf counts an address as in use while its keeper exists, or cannot be read", async () => {
  const plain = assignment("web/a");
  const kept = { ...plain, owner: { ...plain.owner, keeper: { kind: "IPAMClaim", name: "vm1", uid: "u1" } as const } };
  const find = () => Promise.resolve(undefined);
  const of = async (findKeeper: () => Promise<{ uid: string; deleting: boolean } | undefined>) =>
    (await holdersOf([kept], { find, findKeeper }, signal))[0];
  assert.deepEqual(await of(() => Promise.resolve({ uid: "u1", deleting: false })), {
    state: "kept by IPAMClaim vm1",
    inUse: true,
  });
  assert.deepEqual(await of(() => Promise.reject(new Error("status 403"))), {
    state: "unknown: IPAMClaim vm1 cannot be read: status 403",
    inUse: true,
  });
  assert.deepEqual(await of(() => Promise.resolve(undefined)), { state: "pod not found", inUse: false });
  assert.equal((await holdersOf([kept], undefined, signal))[0]?.inUse, true);
});
