import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { folderJournal, type Journal, lockAttachment } from "../../src/journal/journal.ts";
import type { JournalRecord } from "../../src/journal/record.ts";
import { SILENT } from "../../src/world/log.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";
import { never } from "../ipam/lab.ts";

const record = (containerId: string): JournalRecord => ({
  network: "net",
  containerId,
  ifName: "net1",
  conf: "{}",
  entries: [],
});

function journal(): { readonly world: MemoryWorld; readonly journal: Journal } {
  const world = memoryWorld();
  return { world, journal: folderJournal("/j", world, SILENT) };
}

const ids = (records: readonly JournalRecord[]) => records.map(({ containerId }) => containerId).sort();

Deno.test("folderJournal keeps an attachment in one state at a time", async () => {
  const { world, journal: j } = journal();
  await j.create(record("a"));
  await j.create(record("b"));
  assert.deepEqual([ids(await j.inUse()), ids(await j.pending())], [["a", "b"], []]);
  await j.markPending(record("a"));
  assert.deepEqual([ids(await j.inUse()), ids(await j.pending()), await j.isPending(record("a"))], [
    ["b"],
    ["a"],
    true,
  ]);
  assert.deepEqual(await j.find(record("a")), { ...record("a"), pendingSince: 0 });
  await j.create(record("a"));
  assert.deepEqual([ids(await j.inUse()), await j.isPending(record("a"))], [["a", "b"], false]);
  await j.markPending(record("b"));
  for (const id of ["a", "b", "never"]) await j.remove(record(id));
  assert.deepEqual([...world.files.keys()], []);
});

Deno.test("folderJournal keeps the time at which a release became pending when the release is marked again", async () => {
  const { world, journal: j } = journal();
  await world.advance(5_000);
  await j.markPending(record("a"));
  await world.advance(5_000);
  const [pending] = await j.pending();
  assert.equal(pending?.pendingSince, 5_000);
  await j.markPending(pending ?? record("a"));
  assert.equal((await j.find(record("a")))?.pendingSince, 5_000);
});

Deno.test("folderJournal limits the number and the length of pending releases, but accepts one that it has already", async () => {
  const { journal: j } = journal();
  await assert.rejects(j.markPending({ ...record("long"), conf: "x".repeat(16_384) }), RangeError);
  for (let i = 0; i < 4_096; i++) await j.markPending(record(`c${i}`));
  await assert.rejects(j.markPending(record("more")), /has 4096 pending releases/);
  await j.markPending(record("c7"));
  assert.equal(await j.countPending(), 4_096);
  await j.remove(record("c9"));
  await j.markPending(record("more"));
});

Deno.test("folderJournal reads a random sample of pending releases, and each of them sometimes", async () => {
  const { journal: j } = journal();
  for (let i = 0; i < 10; i++) await j.markPending(record(`c${i}`));
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const some = await j.pending(3);
    assert.equal(new Set(ids(some)).size, 3);
    for (const id of ids(some)) seen.add(id);
  }
  assert.equal(seen.size, 10);
});

Deno.test("folderJournal syncs a pending release to disk, but not the record of an ADD", async () => {
  const durable: boolean[] = [];
  const world = memoryWorld();
  const observed = {
    ...world,
    writeFile: (...args: Parameters<typeof world.writeFile>) => {
      durable.push(args[2].durable);
      return world.writeFile(...args);
    },
  };
  const j = folderJournal("/j", observed, SILENT);
  await j.create(record("a"));
  await j.markPending(record("a"));
  assert.deepEqual(durable, [false, true]);
});

Deno.test("folderJournal logs and skips a record that it cannot read", async () => {
  const world = memoryWorld({
    files: { "/j/attachments/net:x:net1.json": '{"format":1,', "/j/attachments/net:y:net1.json.tmp": "{}" },
  });
  const errors: unknown[] = [];
  const j = folderJournal("/j", world, { ...SILENT, error: (_, fields) => void errors.push(fields?.path) });
  await j.create(record("a"));
  assert.deepEqual(ids(await j.inUse()), ["a"]);
  assert.deepEqual(errors, ["/j/attachments/net:x:net1.json"]);
});

Deno.test("folderJournal adds the entries of an attachment to its record", async () => {
  const { journal: j } = journal();
  const cidr = parseCidr("10.0.0.0/24")?.cidr;
  assert(cidr);
  const allocation = { address: cidr.base + 1n, podRef: "default/a", ifName: "net1", containerId: "a" };
  const entries = [{ key: { network: "", cidr }, allocation }];
  await j.create(record("a"));
  await j.setEntries({ ...record("a"), entries });
  assert.deepEqual(await j.find(record("a")), { ...record("a"), entries });
  await j.create(record("a"));
  assert.deepEqual(await j.find(record("a")), record("a"));
});

Deno.test("folderJournal is empty without a folder", async () => {
  const { journal: j } = journal();
  assert.deepEqual([await j.inUse(), await j.pending(), await j.find(record("a"))], [[], [], undefined]);
});

const STORE = { kind: "embedded", path: "/db" } as const;

/** A record with entries of 10.0.0.0/24, by their offsets. */
function recordWith(containerId: string, ...offsets: readonly bigint[]): JournalRecord {
  const cidr = parseCidr("10.0.0.0/24")?.cidr;
  assert(cidr);
  const allocations = offsets.map((offset) => ({
    address: cidr.base + offset,
    podRef: `default/${containerId}`,
    ifName: "net1",
    containerId,
  }));
  return {
    ...record(containerId),
    store: STORE,
    entries: allocations.map((allocation) => ({ key: { network: "", cidr }, allocation })),
  };
}

Deno.test("folderJournal finds the attachment that got an address last, until it leaves", async () => {
  const { world, journal: j } = journal();
  const [a, b] = [recordWith("a", 1n, 2n), recordWith("b", 1n)];
  const [first, second] = a.entries;
  assert(first && second);
  for (const one of [a, b]) {
    await j.create(one);
    await j.setEntries(one);
  }
  assert.deepEqual(
    [(await j.findHolder(STORE, first))?.containerId, (await j.findHolder(STORE, second))?.containerId],
    ["b", "a"],
  );
  assert.equal(await j.findHolder({ kind: "embedded", path: "/other" }, first), undefined);
  assert.equal(await j.findHolder(STORE, { ...first, key: { ...first.key, network: "blue" } }), undefined);
  await j.beginRelease(a);
  assert.deepEqual([(await j.findHolder(STORE, first))?.containerId, await j.findHolder(STORE, second)], [
    "b",
    undefined,
  ]);
  await j.beginRelease(b);
  for (const one of [a, b]) await j.remove(one);
  assert.deepEqual([...world.files.keys()], []);
});

Deno.test("folderJournal finds no holder if the record is pending, or has another address by now", async () => {
  const { journal: j } = journal();
  const a = recordWith("a", 1n);
  const [first] = a.entries;
  assert(first);
  await j.create(a);
  await j.setEntries(a);
  await j.setEntries({ ...recordWith("a", 2n) });
  assert.equal(await j.findHolder(STORE, first), undefined);
  await j.setEntries(a);
  await j.markPending(a);
  assert.equal(await j.findHolder(STORE, first), undefined);
});

Deno.test("lockAttachment blocks calls of the same attachment only", async () => {
  const world = memoryWorld();
  const attachment = { network: "evil", containerId: "hung", ifName: "net1" };
  using _lock = await lockAttachment(world, attachment, never());
  for (let i = 0; i < 1_000; i++) {
    for (
      const other of [{ network: "good", containerId: `v${i}` }, { containerId: `v${i}` }, { ifName: `net${i + 2}` }]
    ) {
      using _free = await lockAttachment(world, { ...attachment, ...other }, never());
    }
  }
  const stop = new AbortController();
  const same = lockAttachment(world, attachment, stop.signal);
  stop.abort(new Error("still locked"));
  await assert.rejects(same, /still locked/);
});
