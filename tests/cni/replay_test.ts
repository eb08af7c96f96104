import assert from "node:assert/strict";
import type { Call } from "../../src/cni/call.ts";
import { replay } from "../../src/cni/replay.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { folderJournal } from "../../src/journal/journal.ts";
import { SILENT } from "../../src/world/log.ts";
import { memory, never } from "../ipam/lab.ts";
import { faulty } from "../support/faulty.ts";
import { hurriedClock } from "../support/hurried_clock.ts";
import { memoryWorld } from "../support/world.ts";

/** A node with releases to deliver: of the network `away`, whose store is out of reach, and of `here`. */
async function node(records: readonly { readonly network: string; readonly range?: string }[]) {
  const world = { ...memoryWorld(), ...hurriedClock() };
  const journal = folderJournal("/journal", world, SILENT);
  for (const [i, { network, range = "10.0.0.0/29" }] of records.entries()) {
    const ipam = { type: "whereabouts", datastore: "embedded", database: `/${network}`, range };
    const conf = JSON.stringify({ cniVersion: "1.1.0", name: network, ipam });
    await journal.promise({ network, containerId: `c${i}`, ifName: "net1", conf, held: [] });
  }
  const store = await memory();
  const away = faulty(store, () => ({ done: false, then: "unavailable" }));
  const call: Call = {
    world,
    signal: never(),
    request: { verb: "DEL", containerId: "", ifName: "", args: {}, conf: {}, network: "", cniVersion: "1.1.0" },
    host: {
      open: ({ network }) => {
        const driver = network === "away" ? away : store;
        return Promise.resolve({
          ...directIpam(driver, world, SILENT),
          [Symbol.asyncDispose]: () => Promise.resolve(),
        });
      },
      journal: () => journal,
      delivers: true,
    },
  };
  return { call, journal, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

Deno.test("replay delivers what it can: neither a store that is away nor a record that cannot be used keeps others", async () => {
  await using n = await node([
    { network: "away" },
    { network: "away" },
    { network: "here", range: "nonsense" },
    { network: "here" },
    { network: "here" },
  ]);
  const { delivered, left, error } = await replay(n.call, 100);
  assert.deepEqual([delivered, left], [2, 3]);
  assert(error instanceof Error);
  const pending = await n.journal.pending();
  assert.deepEqual(pending.map(({ containerId }) => containerId).sort(), ["c0", "c1", "c2"]);
});

Deno.test("replay delivers no more than it is told to", async () => {
  await using n = await node([{ network: "here" }, { network: "here" }, { network: "here" }]);
  assert.deepEqual(await replay(n.call, 2), { delivered: 2, left: 1 });
  assert.deepEqual(await replay(n.call, 2), { delivered: 1, left: 0 });
});
