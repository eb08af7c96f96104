import assert from "node:assert/strict";
import { formatCidr } from "../../src/address/cidr.ts";
import type { StoredSlices } from "../../src/controllers/cluster.ts";
import type { Network } from "../../src/controllers/networks.ts";
import { needsPools, planSliceWork, type SliceWork } from "../../src/controllers/slice_work.ts";
import type { PoolSnapshot } from "../../src/storage/driver.ts";
import { cidr, network } from "./lab.ts";

const nodes = (...names: string[]) => names.map((name) => ({ name }));

function stored(name: string, range: string, size: string, ...slices: string[]): StoredSlices {
  return {
    name,
    range,
    size,
    epoch: 1,
    network: "",
    refused: undefined,
    created: "2026-01-01T00:00:00Z",
    managed: true,
    collected: false,
    version: "1",
    slices: slices.map((text) => {
      const [slice = "", node = ""] = text.split(" ");
      return { node, cidr: cidr(slice) };
    }),
  };
}

function used(node: string, text: string, network = ""): PoolSnapshot {
  const key = { network, cidr: cidr(text), ...(node !== "" && { node }) };
  const allocation = { address: key.cidr.base + 1n, podRef: "default/x", ifName: "net1", containerId: "c" };
  return { key, allocations: new Map([[allocation.address, allocation]]), version: undefined };
}

const saved = ({ steps }: SliceWork) =>
  steps.flatMap(({ save }) => save).map((
    [{ name, slices }],
  ) => [name, ...slices.map(({ node, cidr }) => `${formatCidr(cidr)} ${node}`)]);

const settlementOf = (facts: Parameters<typeof needsPools>[0]) => planSliceWork({ ...facts, pools: [] }).settlement;

async function plan(
  networks: readonly Network[],
  names: readonly string[],
  current: readonly StoredSlices[] = [],
  pools: readonly PoolSnapshot[] = [],
): Promise<SliceWork> {
  return await Promise.resolve(planSliceWork({ networks, nodes: nodes(...names), stored: current, pools }));
}

const fast = (more: Record<string, unknown> = {}) =>
  network("net", { range: "10.0.0.0/28", node_slice_size: "/30", ...more });

Deno.test("planSliceWork creates a NodeSlicePool for each network with slices, and none for others", async () => {
  const work = await plan([await fast(), await network("plain", { range: "10.1.0.0/24" })], ["b", "a"]);
  assert.deepEqual(saved(work), [["net", "10.0.0.0/30 a", "10.0.0.4/30 b", "10.0.0.8/30 ", "10.0.0.12/30 "]]);
  assert.deepEqual(work.states, [{ name: "net", assigned: 2, free: 2, missing: 0 }]);
  assert.deepEqual([work.problems, work.remove], [[], []]);
});

Deno.test("planSliceWork cuts every range of a network, of both families", async () => {
  const both = await fast({ network_name: "blue", ipRanges: [{ range: "10.2.0.0/29" }] });
  assert.deepEqual(saved(await plan([both], ["a"])).map(([name, first]) => [name, first]), [
    ["blue", "10.0.0.0/30 a"],
    ["blue-10.2.0.0-29", "10.2.0.0/30 a"],
  ]);
  const six = await network("six", { range: "fd00::/64", node_slice_size: "80" });
  assert.deepEqual(saved(await plan([six], ["a"])), [["six", "fd00::/80 a"]]);
});

Deno.test("planSliceWork writes nothing if nothing changed", async () => {
  const current = stored("net", "10.0.0.0/28", "/30", "10.0.0.0/30 a", "10.0.0.4/30", "10.0.0.8/30", "10.0.0.12/30");
  assert.deepEqual(saved(await plan([await fast()], ["a"], [current])), []);
});

Deno.test("planSliceWork reassigns the slice of a deleted node when its addresses are free", async () => {
  const current = stored(
    "net",
    "10.0.0.0/28",
    "/30",
    "10.0.0.0/30 gone",
    "10.0.0.4/30 a",
    "10.0.0.8/30",
    "10.0.0.12/30",
  );
  const facts = { networks: [await fast()], nodes: nodes("a", "b"), stored: [current] };
  assert.equal(needsPools(facts, settlementOf(facts)), true);
  assert.deepEqual(saved(planSliceWork({ ...facts, pools: [used("gone", "10.0.0.0/30")] }))[0]?.slice(1, 4), [
    "10.0.0.0/30 gone",
    "10.0.0.4/30 a",
    "10.0.0.8/30 b",
  ]);
  assert.deepEqual(saved(planSliceWork({ ...facts, pools: [] }))[0]?.slice(1, 3), ["10.0.0.0/30 b", "10.0.0.4/30 a"]);
});

Deno.test("needsPools is false while no slice is assigned or unassigned", async () => {
  const current = stored("net", "10.0.0.0/28", "/30", "10.0.0.0/30 a", "10.0.0.4/30", "10.0.0.8/30", "10.0.0.12/30");
  const facts = { networks: [await fast()], nodes: nodes("a"), stored: [current] };
  assert.equal(needsPools(facts, settlementOf(facts)), false);
});

Deno.test("planSliceWork keeps running allocations valid when range or size change", async () => {
  const current = stored("net", "10.0.0.0/28", "/30", "10.0.0.0/30 a", "10.0.0.4/30 b", "10.0.0.8/30", "10.0.0.12/30");
  const work = await plan([await fast({ node_slice_size: "/29" })], ["a", "b"], [current], [used("a", "10.0.0.0/30")]);
  assert.deepEqual(saved(work), [["net", "10.0.0.0/30 a", "10.0.0.8/29 b"]]);
});

Deno.test("planSliceWork assigns no slice that bounds and excludes leave empty", async () => {
  const bounded = await fast({ range_start: "10.0.0.5", exclude: ["10.0.0.8/30"] });
  assert.deepEqual(saved(await plan([bounded], ["a", "b"])), [["net", "10.0.0.4/30 a", "10.0.0.12/30 b"]]);
});

Deno.test("planSliceWork reports nodes without a slice, invalid sizes, and conflicting networks", async () => {
  const small = await network("small", { range: "10.0.0.0/30", node_slice_size: "/31" });
  const wrong = await network("wrong", { range: "10.1.0.0/24", node_slice_size: "/16" });
  const first = await network("p", { range: "10.2.0.0/24", node_slice_size: "/28", network_name: "shared" });
  const second = await network("q", { range: "10.3.0.0/24", node_slice_size: "/28", network_name: "shared" });
  const { problems, states } = await plan([second, wrong, small, first], ["a", "b", "c"]);
  const found = problems.map(({ attachment, reason }) => `${attachment.name} ${reason}`).sort();
  assert.deepEqual(found, ["q ConflictingSlices", "small NoFreeSlices", "wrong InvalidSliceSize"]);
  assert.match(problems.find(({ reason }) => reason === "NoFreeSlices")?.message ?? "", /10\.0\.0\.0\/30.*for c:/);
  assert.deepEqual(states.find(({ name }) => name === "small"), { name: "small", assigned: 2, free: 0, missing: 1 });
});

Deno.test("planSliceWork restores the slices in use of a deleted NodeSlicePool", async () => {
  const networks = [
    await fast(),
    await network("b", { range: "10.1.0.0/28", node_slice_size: "/30", network_name: "blue" }),
  ];
  const facts = { networks, nodes: nodes("a", "b"), stored: [] };
  assert.equal(needsPools(facts, settlementOf(facts)), true);
  const pools = [
    used("b", "10.0.0.8/30"),
    {
      ...used("", "10.1.0.12/30", "blue-a"),
      key: {
        network: "blue-a",
        cidr: cidr("10.1.0.12/30"),
        otherReadings: [["", "blue-a"], ["blue", "a"]].map(([network = "", node = ""]) => ({
          network,
          node,
          cidr: cidr("10.1.0.12/30"),
        })),
      },
    },
    used("b", "10.0.0.0/30", "red"),
    used("", "10.0.0.0/28"),
  ];
  assert.deepEqual(saved(planSliceWork({ ...facts, pools })), [
    ["blue", "10.1.0.0/30 b", "10.1.0.4/30 ", "10.1.0.8/30 ", "10.1.0.12/30 a"],
    ["net", "10.0.0.0/30 a", "10.0.0.4/30 ", "10.0.0.8/30 b", "10.0.0.12/30 "],
  ]);
});

Deno.test("planSliceWork rewrites a NodeSlicePool that Kubernetes would delete with its definition", async () => {
  const current = stored("net", "10.0.0.0/28", "/30", "10.0.0.0/30 a", "10.0.0.4/30", "10.0.0.8/30", "10.0.0.12/30");
  assert.equal(saved(await plan([await fast()], ["a"], [{ ...current, collected: true }])).length, 1);
});

Deno.test("planSliceWork closes the pools of an unused NodeSlicePool, then removes it, unless it was created by hand", async () => {
  const idle = stored("idle", "10.0.0.0/28", "/30", "10.0.0.0/30 a");
  const busy = { ...stored("busy", "10.1.0.0/28", "/30", "10.1.0.0/30 a"), network: "busy" };
  const theirs = { ...stored("theirs", "10.3.0.0/28", "/30", "10.3.0.0/30 a"), network: undefined };
  const hand = { ...stored("hand", "10.2.0.0/28", "/30"), managed: false };
  const pools = [used("a", "10.1.0.0/30", "busy"), used("a", "10.3.0.0/30", "theirs")];
  const first = await plan([], ["a"], [idle, busy, theirs, hand], pools);
  assert.deepEqual([first.remove, first.unfinished], [[], true]);
  assert.deepEqual(first.withdraw.map(({ list, close, slices }) => [list.name, close.length, slices]), [[
    "idle",
    1,
    [],
  ]]);
  const { remove } = await plan([], ["a"], [{ ...idle, slices: [] }, busy, theirs, hand], pools);
  assert.deepEqual(remove.map(({ name }) => name), ["idle"]);
});

Deno.test("planSliceWork cuts a /8 into /27 for five hundred nodes", async () => {
  const many = Array.from({ length: 500 }, (_, i) => `node${String(i).padStart(3, "0")}`);
  const work = await plan([await network("big", { range: "10.0.0.0/8", node_slice_size: "/27" })], many);
  assert.equal(saved(work)[0]?.length, 501);
  assert.equal(saved(work)[0]?.at(-1), "10.0.62.96/27 node499");
});

Deno.test("planSliceWork finds free slices without enumeration, whatever range, size and bounds a definition has", async () => {
  for (
    const [range_start, first] of [["fd00::", "fd00::/64"], [
      "fd00:ffff:ffff:ffff::5",
      "fd00:ffff:ffff:ffff::/64",
    ]] as const
  ) {
    const hostile = await network("evil", { range: "fd00::/16", node_slice_size: "/64", range_start });
    assert.deepEqual(saved(await plan([hostile], ["a"])), [["evil", `${first} a`]]);
  }
  const nothing = await network("evil", { range: "fd00::/16", node_slice_size: "/128", exclude: ["fd00::/16"] });
  assert.deepEqual((await plan([nothing], ["a"])).problems.map(({ reason }) => reason), ["NoFreeSlices"]);
});

/** How often a plan of so many nodes, one of which was deleted, reads slices and pools. */
async function readsOf(count: number): Promise<number> {
  let reads = 0;
  const counted = <T extends object>(value: T): T =>
    new Proxy(value, {
      get: (target, name) => {
        reads++;
        return Reflect.get(target, name);
      },
    });
  const networks = [await network("storage", { range: "10.0.0.0/8", node_slice_size: "/24" })];
  const names = Array.from({ length: count }, (_, i) => `node-${i}`);
  const made = planSliceWork({ networks, nodes: nodes(...names), stored: [], pools: [] });
  const current = made.steps.flatMap(({ save }) => save).map(([{ owner: _, ...list }]) => ({
    ...list,
    slices: list.slices.map(counted),
    created: "",
    managed: true,
    collected: false,
    version: "1",
  }));
  const pools = names.slice(0, -5).map((node, i) =>
    counted(used(node, formatCidr(current[0]?.slices[i]?.cidr ?? assert.fail())))
  );
  reads = 0;
  const facts = { networks, nodes: nodes(...names.slice(1), "late"), stored: current };
  assert(needsPools(facts, made.settlement));
  const { steps } = planSliceWork({ ...facts, pools });
  assert.equal(steps.length, 1);
  return reads;
}

Deno.test("planSliceWork is linear: three times the nodes read at most four times as much", async () => {
  const [few, many] = [await readsOf(1_000), await readsOf(3_000)];
  assert(many < 4 * few, `${few} reads for 1,000 nodes, ${many} for 3,000`);
});

Deno.test("planSliceWork gives networks of one range the same assignment, and a new network the existing one", async () => {
  const late = await network("late", { range: "10.0.0.0/28", node_slice_size: "30" });
  const current = stored("net", "10.0.0.0/28", "/30", "10.0.0.0/30 b", "10.0.0.4/30 a", "10.0.0.8/30", "10.0.0.12/30");
  const { steps, problems } = await plan([await fast(), late], ["a", "b"], [current]);
  assert.deepEqual(
    steps.flatMap(({ save }) => save).map(([{ name, size, epoch, slices }]) => [name, size, epoch, slices]),
    [
      ["late", "30", 1, current.slices],
    ],
  );
  assert.deepEqual(problems, []);
});

Deno.test("planSliceWork stores why a network is refused, and keeps its slices in use, closed", async () => {
  const networks = [
    await network("a", { range: "10.0.0.0/28", node_slice_size: "/30" }),
    await network("b", { range: "10.0.0.0/24", node_slice_size: "/28" }),
  ];
  const current = [
    stored("a", "10.0.0.0/28", "/30", "10.0.0.0/30 n", "10.0.0.4/30", "10.0.0.8/30", "10.0.0.12/30"),
    stored("b", "10.0.0.0/24", "/28", "10.0.0.64/28 n", "10.0.0.80/28 m"),
  ];
  const pools = [used("n", "10.0.0.0/30"), used("n", "10.0.0.64/28")];
  const { steps, problems } = await plan(networks, ["n"], current, pools);
  const [step] = steps;
  assert.deepEqual(step?.close.map(({ key, closed }) => `${key.node} ${formatCidr(key.cidr)} ${closed}`), [
    "n 10.0.0.64/28 2",
    "m 10.0.0.80/28 2",
  ]);
  const [[wanted] = []] = step?.save ?? [];
  assert.deepEqual(wanted?.slices.map(({ node, cidr }) => `${node} ${formatCidr(cidr)}`), ["n 10.0.0.64/28"]);
  assert.match(wanted?.refused ?? "", /NodeSlicePool b of 10\.0\.0\.0\/24 by \/28 is refused.*10\.0\.0\.0\/28 by \/30/);
  assert.deepEqual(problems.map(({ attachment: { name }, reason }) => `${name} ${reason}`), ["b ConflictingSlices"]);
});

Deno.test("planSliceWork lets nodes take slices, keeps those they took, and finds the empty ones", async () => {
  const networks = [await fast({ node_slice_elastic: true })];
  const current = stored(
    "net",
    "10.0.0.0/28",
    "/30",
    "10.0.0.0/30 a",
    "10.0.0.4/30 a",
    "10.0.0.8/30 b",
    "10.0.0.12/30",
  );
  const facts = { networks, nodes: nodes("a", "b"), stored: [current], pools: [used("a", "10.0.0.0/30")] };
  const { steps, empty } = planSliceWork(facts);
  const [[wanted] = []] = steps[0]?.save ?? [];
  assert.deepEqual([wanted?.elastic, wanted?.slices, wanted?.epoch], [true, current.slices, 1]);
  assert.deepEqual(empty, ["a 10.0.0.4/30 ", "b 10.0.0.8/30 "]);
  const settled = { ...facts, stored: [{ ...current, elastic: true as const }] };
  assert.equal(needsPools(settled, settlementOf(settled)), false);
  assert.deepEqual(planSliceWork({ ...settled, pools: undefined }).steps, []);
  const { steps: [returned] } = planSliceWork({ ...settled, idle: new Set(empty) });
  assert.deepEqual(returned?.close.map(({ key }) => `${key.node} ${formatCidr(key.cidr)}`), ["a 10.0.0.4/30"]);
  assert.deepEqual(saved({ ...planSliceWork({ ...settled, idle: new Set(empty) }) }), [
    ["net", "10.0.0.0/30 a", "10.0.0.4/30 ", "10.0.0.8/30 b", "10.0.0.12/30 "],
  ]);
});

Deno.test("planSliceWork lets nodes take no slices of a list that no network demands, or beside the original", async () => {
  const elastic = true as const;
  const kept = { ...stored("old", "10.0.0.0/28", "/30", "10.0.0.0/30 a", "10.0.0.4/30"), elastic };
  const pools = [used("a", "10.0.0.0/30")];
  const networks = [await fast({ node_slice_elastic: true })];
  const first = planSliceWork({ networks, nodes: nodes("a"), stored: [kept], pools });
  assert.deepEqual([first.withdraw.map(({ list }) => list.name), first.unfinished], [["old"], true]);
  assert.match(String(first.steps[0]?.save[0]?.[0].elastic), /NodeSlicePool old/);
  const facts = { networks, nodes: nodes("a"), stored: [], pools: [], original: "deployment x" };
  const { steps, problems } = planSliceWork(facts);
  assert.match(String(steps[0]?.save[0]?.[0].elastic), /deployment x runs a controller of the original/);
  assert.deepEqual(problems.map(({ reason }) => reason), ["SlicesNotElastic"]);
});
