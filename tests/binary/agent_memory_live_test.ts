import assert from "node:assert/strict";
import { AgentNode } from "../support/agent.ts";
import { binary, type Call } from "../support/binary.ts";

const PLUGIN = await binary();

/** Calls before the first measured part, and calls of each part: 10 KB that each of them leaves behind exceed the heap. */
const WARM = 5_000;
const PART = 2_500;
/** Parts, and how many of the last ones are compared with the first. */
const [PARTS, LAST] = [4, 2];
/** The agent's heap in MB: with more of it, V8 collects later, the busier the machine, and what is garbage cannot be told from a leak. */
const HEAP = 64;
/** Readings of each part: the smallest holds the least garbage. */
const READINGS = 5;

Deno.test("the agent keeps no memory or descriptors of calls that it has served", async () => {
  await using node = new AgentNode(PLUGIN, { env: { DENO_V8_FLAGS: `--max-old-space-size=${HEAP}` } });
  const ipam = {
    type: "whereabouts",
    datastore: "embedded",
    database: `${node.folder}/whereabouts.db`,
    range: "10.0.0.0/16",
    log_level: "panic",
  };
  const conf = { cniVersion: "1.1.0", name: "net", ipam };
  const call = (verb: string, i: number): Call => ({ verb, conf, containerId: `c${i}`, pod: `p${i}` });
  assert.equal((await node.call(call("ADD", 0))).code, 0); // the agent creates no database
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
    for (let i = 0; i < READINGS; i++) readings.push(await serve(PART / READINGS));
    return {
      memory: Math.min(...readings.map(({ memory }) => memory)),
      descriptors: Math.min(...readings.map(({ descriptors }) => descriptors)),
    };
  };
  await serve(WARM);
  const parts = [];
  for (let i = 0; i < PARTS; i++) parts.push(await part());
  const [first, ...others] = parts;
  const last = others.slice(-LAST);
  assert(first);
  assert.deepEqual(node.records("attachments").length, 1);
  const descriptors = Math.min(...last.map((one) => one.descriptors));
  assert(descriptors <= first.descriptors + 2, `${first.descriptors} descriptors became ${descriptors}`);
  const memory = Math.min(...last.map((one) => one.memory));
  assert(memory < first.memory + HEAP, `MB of the parts: ${parts.map((one) => one.memory.toFixed(0)).join(", ")}`);
});
