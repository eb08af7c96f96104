import assert from "node:assert/strict";
import { sweep, Sweeps } from "../../src/ipam/sweep.ts";
import { FindingMemory, withoutRepaired } from "../../src/ipam/sweep_findings.ts";
import type { Ipam } from "../../src/ipam/ipam.ts";
import { type Finding, type FindingKind, KINDS, NO_OWNER } from "../../src/pool/finding.ts";
import { memoryWorld } from "../support/world.ts";
import { NEVER, openStore, pod, type Store } from "../controllers/lab.ts";
import { ip, range } from "./lab.ts";

const GRACE = 5_000;

function finding(kind: FindingKind, address = "", podRef = ""): Finding {
  return { ...NO_OWNER, kind, subject: "entry", address, podRef, pool: "p", message: `${kind} ${address}` };
}

Deno.test("FindingMemory confirms lasting findings at once, and transient ones after the wait", async () => {
  const world = memoryWorld();
  const memory = new FindingMemory(world);
  const [transient, lasting] = [finding("orphan", "10.0.0.1"), finding("unowned", "10.0.0.2")];
  memory.record([transient, lasting], GRACE);
  assert.deepEqual([memory.settled, memory.open], [[lasting], [transient]]);
  await world.advance(GRACE - 1);
  memory.record([transient, lasting], GRACE);
  assert.deepEqual(memory.open, [transient]);
  await world.advance(1);
  memory.record([transient], GRACE);
  assert.deepEqual([memory.settled, memory.open], [[transient], []]);
  memory.record([], GRACE);
  memory.record([transient], GRACE);
  assert.deepEqual([memory.settled, memory.open], [[], [transient]], "the wait restarts");
});

Deno.test("withoutRepaired removes only findings that the sweep repaired", () => {
  const key = { network: "", cidr: range("10.0.0.0/24").cidr };
  const entry = (address: string) => ({
    key,
    allocation: { address: ip(address).value, podRef: "default/a", ifName: "net1", containerId: "c" },
  });
  const reservation = { network: "", ip: ip("10.0.0.4"), podRef: "default/a", ifName: "net1", containerId: "c" };
  const parts = {
    orphans: [{ ...entry("10.0.0.1"), reason: "pod is gone" as const }],
    reserved: [entry("10.0.0.2")],
    restored: [entry("10.0.0.3")],
    reservations: [{ reservation, reason: "pod is gone" as const }],
  };
  const kinds = [
    "orphan",
    "entry-without-reservation",
    "pod-address-unallocated",
    "reservation-without-entry",
  ] as const;
  const mended = kinds.map((kind, i) => finding(kind, `10.0.0.${i + 1}`, "default/a"));
  const others = [finding("orphan", "10.0.0.1", "default/b"), finding("outside-range", "10.0.0.1", "default/a")];
  assert.deepEqual(withoutRepaired([...mended, ...others], parts), others);
});

/** Pods and other facts for a sweep. */
function source(...names: string[]) {
  const pods = names.map((name) =>
    pod(name, { interfaces: [{ ifName: "net2", network: "default/net", ips: ["10.0.0.200"] }] })
  );
  const find = (podRef: string) => Promise.resolve(pods.find((one) => one.podRef === podRef));
  return { list: () => Promise.resolve(pods), find };
}

/** A store whose driver reports an unreadable object. */
function withUnreadable({ ipam }: Store, unreadable: () => Promise<{ where: string; why: string }[]>): Ipam {
  return { ...ipam, driver: Object.assign(ipam.driver, { unreadable }) };
}

Deno.test("Sweeps reports problems without repair: transient findings at the second full scan, others at once", async () => {
  await using store = await openStore();
  await store.add("web");
  await store.add("gone");
  const network = { ...finding("unusable-network"), subject: "network" } as const;
  const slices = { stored: [{ name: "net", range: "10.0.0.0/24", slices: [], refused: "No" }], nodes: [] };
  const pods = { ...source("web"), networkFindings: () => [network], slices: () => Promise.resolve(slices) };
  const ipam = withUnreadable(store, () => Promise.resolve([{ where: "IPPool x", why: "It is broken" }]));
  const sweeps = new Sweeps(ipam, { pods, grace: GRACE, dryRun: false });
  const kindsAt = async () => (await sweeps.scan(NEVER)).findings.map(({ kind }) => kind).sort();
  const lasting = ["slices-refused", "unreadable", "unusable-network"];
  assert.deepEqual(await kindsAt(), lasting);
  await store.world.advance(GRACE);
  const due = await sweeps.scan(NEVER, sweeps.due());
  assert.deepEqual([due.orphans.length, due.findings.length], [1, 3], "a look at suspects alone changes no finding");
  assert.deepEqual(await kindsAt(), ["pod-address-unallocated", ...lasting]);
});

Deno.test("Sweeps reports failed reads of its findings, and does the rest", async () => {
  await using store = await openStore();
  await store.add("gone");
  const ipam = withUnreadable(store, () => Promise.reject(new TypeError("no list")));
  const sweeps = new Sweeps(ipam, { pods: source(), grace: GRACE, dryRun: false });
  const { suspected, failures } = await sweeps.scan(NEVER);
  assert.deepEqual([suspected.length, failures.map(String)], [1, ["TypeError: no list"]]);
});

Deno.test("sweep waits for a second full scan only if the first one found something transient", async () => {
  const waits = async (...names: string[]) => {
    await using store = await openStore();
    await store.add("gone");
    const waited: number[] = [];
    const running = sweep(store.ipam, {
      pods: source(...names),
      grace: GRACE,
      dryRun: false,
      signal: NEVER,
      waiting: (_, records) => waited.push(records),
    });
    let done = false;
    void running.finally(() => done = true);
    while (!done) await store.world.advance(1_000);
    return [waited.length, (await running).orphans.length, (await running).findings.map(({ kind }) => kind)];
  };
  assert.deepEqual(await waits(), [1, 1, []]);
  const [waited, freed, findings] = await waits("web");
  assert.deepEqual([freed, findings], [1, ["pod-address-unallocated"]]);
  assert(Number(waited) <= 2);
});

Deno.test("KINDS has for every kind a reason that Kubernetes accepts, and a remedy", () => {
  for (const [kind, { reason, remedy }] of Object.entries(KINDS)) {
    assert.match(reason, /^[A-Z][A-Za-z]{3,127}$/, kind);
    assert.match(remedy, /^[A-Z].{10,}[^.]$/, kind);
  }
});
