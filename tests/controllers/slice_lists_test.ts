import assert from "node:assert/strict";
import type { StoredSlices } from "../../src/controllers/cluster.ts";
import { demandsOf } from "../../src/controllers/slice_demands.ts";
import { differs, elasticOf } from "../../src/controllers/slice_lists.ts";
import { settle } from "../../src/pool/slice_networks.ts";
import { network } from "./lab.ts";

const IPAM = { range: "10.0.0.0/28", node_slice_size: "/30", node_slice_elastic: true };

function list(name: string, more: Partial<StoredSlices> = {}): StoredSlices {
  return {
    ...{ name, range: "10.0.0.0/28", size: "/30", slices: [], epoch: 1, network: "", refused: undefined, created: "" },
    ...{ managed: true, collected: false, version: "1", ...more },
  };
}

/** Whether nodes may take slices of the first group of these networks. */
async function elastic(
  networks: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  stored?: readonly StoredSlices[],
  original?: string,
) {
  const all = await Promise.all(Object.entries(networks).map(([name, ipam]) => network(name, ipam)));
  const { demands, unsliced } = demandsOf(all);
  const { groups: [group] } = settle(demands, unsliced, { ofGroup: () => "new", isUsed: () => false });
  assert(group);
  return elasticOf(group, stored ?? [], original);
}

Deno.test("elasticOf lets nodes take slices if every network of them demands it, under one name, without the original", async () => {
  assert.equal(await elastic({ a: IPAM }), true);
  assert.equal(await elastic({ a: { ...IPAM, node_slice_elastic: false } }), undefined);
  assert.match(
    String(await elastic({ a: IPAM, b: { ...IPAM, node_slice_elastic: false } })),
    /default\/b shares its slices/,
  );
  assert.match(String(await elastic({ a: IPAM, b: IPAM })), /NodeSlicePool b; set one network_name/);
  const named = { ...IPAM, network_name: "blue" };
  assert.equal(await elastic({ a: named, b: named }), true);
  assert.match(
    String(await elastic({ a: IPAM }, [], "deployment x")),
    /deployment x runs a controller of the original/,
  );
});

Deno.test("elasticOf waits until no other list of the domain that overlaps lets nodes take slices", async () => {
  const rival = (more: Partial<StoredSlices>) => elastic({ a: IPAM }, [list("a", { elastic: true }), list("b", more)]);
  assert.match(String(await rival({ elastic: true })), /NodeSlicePool b, which overlap/);
  assert.match(String(await rival({ elastic: true, range: "10.0.0.0/24" })), /NodeSlicePool b, which overlap/);
  assert.equal(await rival({ elastic: "not yet" }), true);
  assert.equal(await rival({ elastic: true, network: "blue" }), true);
  assert.equal(await rival({ elastic: true, range: "10.1.0.0/24" }), true);
});

Deno.test("differs finds a list that lets nodes take slices and shall not", async () => {
  const { attachment: owner } = await network("a", IPAM);
  const wanted = { ...list("a"), network: "", elastic: undefined, owner };
  assert.equal(differs(wanted, list("a")), false);
  assert.equal(differs(wanted, list("a", { elastic: true })), true);
});
