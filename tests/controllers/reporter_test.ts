import assert from "node:assert/strict";
import type { Cluster } from "../../src/controllers/cluster.ts";
import { ControllerMetrics } from "../../src/controllers/metrics.ts";
import { Reporter } from "../../src/controllers/reporter.ts";
import { duplicateFinding } from "../../src/pool/duplicates.ts";
import { type Finding, NO_OWNER } from "../../src/pool/finding.ts";
import { type LogFields, SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";
import { cidr, eventLog, settled } from "./lab.ts";

const STATE = {
  leading: () => true,
  pods: () => 0,
  pools: () => [],
  slices: () => [],
  kept: () => [],
  users: () => [],
  nameOf: () => "",
  sweepDue: () => undefined,
  lastSweep: () => undefined,
  unconfirmed: () => [],
  findings: () => [],
};
const key = { network: "", cidr: cidr("10.0.0.0/24") };
const EMPTY = {
  orphans: [],
  detached: [],
  suspected: [],
  reservations: [],
  reserved: [],
  restored: [],
  duplicates: [],
  findings: [],
  unconfirmed: [],
  kept: [],
  failed: [],
  failures: [],
  pools: [],
};

function lab(recordEvent?: Cluster["recordEvent"]) {
  const world = memoryWorld();
  const metrics = new ControllerMetrics(STATE);
  const log = eventLog();
  const lines: string[] = [];
  const logger = {
    ...SILENT,
    info: (text: string, { nodeslicepool, slice, node }: LogFields = {}) =>
      void (nodeslicepool !== undefined && lines.push(`${text} ${nodeslicepool} ${slice} ${node}`)),
    warn: (text: string, { reason, object }: LogFields = {}) => void lines.push(`${text} ${reason} ${object}`),
  };
  const cluster = { recordEvent: recordEvent ?? log.recordEvent } as Pick<Cluster, "recordEvent"> as Cluster;
  return { world, metrics, lines, events: log.events, reporter: new Reporter(cluster, world, logger, metrics) };
}

Deno.test("Reporter records freed addresses as events of pod and pool, and counts them", async () => {
  const it = lab();
  const allocation = { address: key.cidr.base + 5n, podRef: "shop/web-0", ifName: "net1", containerId: "c", uid: "u" };
  it.reporter.freed([{ key, allocation, reason: "pod is gone" }]);
  await settled();
  assert.deepEqual(it.events.map(({ regarding, type, reason }) => [regarding, type, reason]), [
    [{ kind: "IPPool", pool: "10.0.0.0/24" }, "Normal", "IPAddressGarbageCollected"],
    [{ kind: "Pod", namespace: "shop", name: "web-0", uid: "u" }, "Normal", "IPAddressGarbageCollected"],
  ]);
  assert(it.events.every(({ message }) => /10\.0\.0\.5|shop\/web-0/.test(message)));
  assert.match(it.metrics.text(), /whereabouts_freed_total\{what="entry",reason="pod_is_gone"\} 1\n/);
});

Deno.test("Reporter counts and logs slices that lost their node", () => {
  const it = lab();
  it.reporter.unassigned("net", ["10.0.0.0/30", "10.0.0.4/30"].map((text) => ({ node: "n1", cidr: cidr(text) })));
  assert.deepEqual(it.lines, ["10.0.0.0/30", "10.0.0.4/30"].map((one) => `Unassigned a node slice net ${one} n1`));
  assert.match(it.metrics.text(), /^whereabouts_node_slices_unassigned_total 2$/m);
});

Deno.test("Reporter records a freed reservation as an event of its pod", async () => {
  const it = lab();
  const reservation = {
    network: "blue",
    ip: { family: 4, value: 0x0a000005n },
    podRef: "shop/web-0",
    ifName: "net1",
  } as const;
  const stray = { reservation: { ...reservation, containerId: "c" }, reason: "pod has finished" } as const;
  it.reporter.swept({ ...EMPTY, reservations: [stray] }, 1, []);
  await settled();
  assert.deepEqual(it.events.map(({ regarding, reason, message }) => [regarding, reason, message]), [[
    { kind: "Pod", namespace: "shop", name: "web-0" },
    "IPReservationGarbageCollected",
    "Freed the reservation of 10.0.0.5 of network blue: the pod has finished",
  ]]);
  assert.match(it.metrics.text(), /whereabouts_freed_total\{what="reservation",reason="pod_has_finished"\} 1\n/);
});

Deno.test("Reporter warns once about an address with two owners, in an event of both pods", async () => {
  const it = lab();
  const holder = { podRef: "shop/db-0", ifName: "net1", containerId: "c" };
  const duplicate = { network: "blue", address: "10.0.0.5", podRef: "shop/web-0", holder };
  it.reporter.swept({ ...EMPTY, duplicates: [duplicate], findings: [duplicateFinding(duplicate)] }, 1, []);
  it.reporter.changed({ ...EMPTY, duplicates: [duplicate] });
  await settled();
  const message =
    "shop/web-0 uses 10.0.0.5 of network blue, which is allocated to shop/db-0 (net1): delete one of the two pods";
  assert.deepEqual(
    it.events.map(({ regarding, type, reason, message }) => [regarding, type, reason, message]),
    ["web-0", "db-0"].map((name) => [
      { kind: "Pod", namespace: "shop", name },
      "Warning",
      "DuplicateIPAddress",
      message,
    ]),
  );
});

Deno.test("Reporter logs each finding once, with its reason and object, and at most fifty objects per kind", async () => {
  const it = lab();
  const finding = (name: string): Finding => ({
    ...NO_OWNER,
    kind: "unusable-network",
    subject: "network",
    pool: `web/${name}`,
    message: `${name} has no range`,
  });
  it.reporter.found([finding("a"), { ...finding("a"), message: "again" }, finding("b")]);
  it.reporter.found([finding("b")]);
  await settled();
  assert.deepEqual(it.lines, [
    "a has no range (and 1 more; run whereabouts check) InvalidConfiguration web/a",
    "b has no range InvalidConfiguration web/b",
  ]);
  const crowd = lab();
  crowd.reporter.found(Array.from({ length: 60 }, (_, i) => finding(`n${i}`)));
  await settled();
  assert.deepEqual([crowd.events.length, crowd.lines.length], [50, 51]);
  assert.match(crowd.lines.at(-1) ?? "", /^More objects .* InvalidConfiguration/);
});

Deno.test("Reporter warns about a full pool once, and again after half an hour", async () => {
  const it = lab();
  const full = [{ key, allocations: 254, capacity: 254n, free: 0n }];
  for (let i = 0; i < 5; i++) it.reporter.swept(EMPTY, 1, full);
  await it.world.advance(31 * 60_000);
  it.reporter.swept(EMPTY, 1, full);
  it.reporter.swept(EMPTY, 1, [{ key, allocations: 1, capacity: 254n, free: 253n }]);
  await settled();
  assert.deepEqual(it.events.map(({ reason, type }) => [reason, type]), [["PoolExhausted", "Warning"], [
    "PoolExhausted",
    "Warning",
  ]]);
  assert.match(it.metrics.text(), /whereabouts_sweeps_total\{outcome="success"\} 7\n/);
});

Deno.test("Reporter continues if events are refused or never answered", async () => {
  let requests = 0;
  const it = lab((_, signal) => {
    requests++;
    return requests % 2
      ? Promise.reject(new Error("forbidden"))
      : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  const error = new Error("no");
  it.reporter.releaseFailed(Array.from({ length: 200 }, (_, i) => `default/p${i}`), error);
  assert(requests <= 50, `${requests} concurrent events`);
  await it.world.advance(60_000);
  it.reporter.releaseFailed(["default/last"], error);
  await it.world.advance(60_000);
  assert.match(it.metrics.text(), /whereabouts_controller_failures_total\{part="events"\} 51\n/);
});

Deno.test("Reporter has no event in flight when its term ends", async () => {
  const it = lab((_, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  );
  const term = new AbortController();
  it.reporter.begin(term.signal);
  it.reporter.releaseFailed(["default/a", "default/b"], new Error("no"));
  let drained = false;
  const draining = it.reporter.drain().then(() => drained = true);
  await settled();
  assert.equal(drained, false);
  term.abort(new Error("the lease was lost"));
  await draining;
  assert.equal(it.world.sleepers(), 0);
});
