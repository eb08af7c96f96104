import assert from "node:assert/strict";
import { countsOf, keptBy, perRange, usesOf, without } from "../../src/controllers/pool_use.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { formatPoolKey } from "../../src/pool/types.ts";
import { cidr, network } from "./lab.ts";

const allocated = (...addresses: bigint[]) =>
  new Map(addresses.map((address) => [address, { address, podRef: "default/x", ifName: "net1", containerId: "c" }]));

Deno.test("usesOf counts the addresses that a network can allocate, and every usable address of a pool without a known network", async () => {
  const networks = [
    await network("a", {
      range: "10.0.0.0/24",
      range_start: "10.0.0.10",
      range_end: "10.0.0.19",
      exclude: ["10.0.0.12/30"],
    }),
    await network("s", { range: "10.1.0.0/16", node_slice_size: "/28" }),
  ];
  const uses = usesOf(
    countsOf([
      { key: { network: "", cidr: cidr("10.0.0.0/24") }, allocations: allocated(0x0a00000an) },
      { key: { network: "", node: "n1", cidr: cidr("10.1.0.16/28") }, allocations: allocated() },
      { key: { network: "", cidr: cidr("10.9.0.0/30") }, allocations: allocated(0x0a090001n, 0x0a090002n) },
    ]),
    networks,
  );
  assert.deepEqual(uses.map(({ allocations, capacity, free }) => [allocations, capacity, free]), [
    [1, 6n, 5n],
    [0, 16n, 16n],
    [2, 2n, 0n],
  ]);
});

Deno.test("without subtracts freed addresses", () => {
  const key = { network: "", cidr: cidr("10.9.0.0/30") };
  const [allocation] = allocated(0x0a090001n).values();
  assert(allocation);
  const counts = countsOf([{ key, allocations: allocated(0x0a090001n, 0x0a090002n) }]);
  const after = without(counts, [{ key, allocation, reason: "pod is gone" }]);
  assert.deepEqual(usesOf(after, []).map(({ allocations, free }) => [allocations, free]), [[1, 1n]]);
});

Deno.test("keptBy counts kept addresses by keeper and state, without those that were freed", () => {
  const key = { network: "", cidr: cidr("10.0.0.0/24") };
  const entries = [["a", "c"], ["b", "c"], ["b", ""], ["a", "c"], ["done", "c"]].map(([pod, containerId = ""], i) => ({
    address: BigInt(i),
    podRef: `default/${pod}`,
    ifName: "net1",
    containerId,
    keeper: { kind: "IPAMClaim", name: `vm${i}`, uid: `u${i}` } as const,
  }));
  const plain = { address: 9n, podRef: "default/a", ifName: "net1", containerId: "c" };
  const pools = [{ key, allocations: new Map([...entries, plain].map((one) => [one.address, one])) }];
  const last = entries[3];
  assert(last);
  const freed = [{ key, allocation: last, reason: "IPAMClaim is gone" as const }];
  const over = { finished: true, running: false, containers: "ended", sandboxMissing: true } as const;
  const pods: Record<string, PodFacts> = {
    a: { podRef: "default/a", finished: false, running: true },
    done: { podRef: "default/done", ...over },
  };
  // the sandbox of the missing pod b was not detached: it may still run
  assert.deepEqual(keptBy(pools, freed, (podRef) => pods[podRef.slice("default/".length)]), [
    { keeper: "IPAMClaim", state: "in_use", count: 2 },
    { keeper: "IPAMClaim", state: "stopped", count: 2 },
  ]);
});

Deno.test("perRange adds up elastic slices, and leaves others as they are", async () => {
  const networks = [
    await network("e", { range: "10.5.0.0/28", node_slice_size: "/30", node_slice_elastic: true }),
    await network("s", { range: "10.6.0.0/28", node_slice_size: "/30" }),
  ];
  const counts = ["10.5.0.0/30", "10.5.0.4/30", "10.6.0.4/30"].map((text) => ({
    key: { network: "", node: "a", cidr: cidr(text) },
    allocations: 2,
  }));
  const uses = perRange(usesOf(counts, networks), networks);
  assert.deepEqual(uses.map(({ key, allocations, capacity }) => [formatPoolKey(key), allocations, capacity]), [
    ["10.5.0.0/28", 4, 14n],
    ["a/10.6.0.4/30", 2, 4n],
  ]);
});
