import assert from "node:assert/strict";
import { AgentNode } from "../support/agent.ts";
import { binary, type Call } from "../support/binary.ts";

const PLUGIN = await binary();

/** Calls until the heap is as large as it gets, and after that; the bench asks five times as many. */
const WARM = 10_000;
const REST = 5_000;
/** Readings of each part: the least of them is the one with the least garbage. */
const READINGS = 5;

Deno.test("the agent keeps nothing of the calls it has served", async () => {
  await using node = new AgentNode(PLUGIN);
  const ipam = {
    type: "whereabouts",
    datastore: "embedded",
    database: `${node.folder}/whereabouts.db`,
    range: "10.0.0.0/16",
    log_level: "panic",
  };
  const conf = { cniVersion: "1.1.0", name: "net", ipam };
  const call = (verb: string, i: number): Call => ({ verb, conf, containerId: `c${i}`, pod: `p${i}` });
  assert.equal((await node.call(call("ADD", 0))).code, 0); // the agent makes no database
  await node.start();
  let next = 1;
  const serve = async (calls: number) => {
    const worker = async () => {
      for (let done = 0; done < calls / 20; done += 2) {
        const i = next++;
        for (const verb of ["ADD", "DEL"]) assert.equal((await node.ask(call(verb, i))).code, 0);
      }
    };
    await Promise.all(Array.from({ length: 20 }, worker));
    return { memory: node.memory(), descriptors: node.descriptors() };
  };
  const part = async () => {
    const readings = [];
    for (let i = 0; i < READINGS; i++) readings.push(await serve(REST / READINGS));
    return {
      memory: Math.min(...readings.map(({ memory }) => memory)),
      descriptors: Math.min(...readings.map(({ descriptors }) => descriptors)),
    };
  };
  await serve(WARM);
  const early = await part();
  const late = await part();
  assert.deepEqual(node.records("attachments").length, 1);
  assert(late.descriptors <= early.descriptors + 2, `${early.descriptors} descriptors became ${late.descriptors}`);
  // a call that left 10 KB behind would make it 50 MB from part to part
  assert(late.memory < early.memory + 40, `${early.memory.toFixed(0)} MB became ${late.memory.toFixed(0)} MB`);
});
