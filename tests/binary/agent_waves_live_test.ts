import assert from "node:assert/strict";
import { AgentNode } from "../support/agent.ts";
import { addressesOf, assertAgreement } from "../support/agreement.ts";
import { binary, type Call } from "../support/binary.ts";
import { makeKube } from "../support/kube.ts";

const PLUGIN = await binary();
const NODES = 10;
/** Calls that each agent gets in a wave, and may write in one commit. */
const CALLS = 4;
const WAVES = 25;
/** A thousand addresses: those of a /22 up to its end, except the ones that end in `.0`. */
const RANGE = "10.60.0.1-10.60.3.235/22";

Deno.test("ten agents fill a range of a thousand addresses in waves, refuse one more, release all and fill it again", async () => {
  await using kube = await makeKube();
  await using stack = new AsyncDisposableStack();
  const nodes = Array.from({ length: NODES }, () => stack.use(new AgentNode(PLUGIN)));
  await Promise.all(nodes.map((node) => node.start()));
  const ipam = { type: "whereabouts", log_level: "error", range: RANGE, kubernetes: { kubeconfig: kube.kubeconfig } };
  const conf = { cniVersion: "1.0.0", name: "net", ipam };
  const live = new Map<string, readonly string[]>();
  const wave = (verb: string, life: number, number: number): Call[] =>
    Array.from({ length: NODES * CALLS }, (_, i) => number * NODES * CALLS + i)
      .map((pod) => ({ verb, conf, containerId: `c${life}-${pod}`, pod: `p${pod}` }));
  /**
   * Repeats calls that a busy machine did not finish in time (code 11), as a runtime does. The agents compete for one object: however slow the
   * machine is, one of them succeeds, so a round without any success is a defect.
   */
  const serve = async (calls: readonly Call[]) => {
    for (let waiting = calls; waiting.length > 0;) {
      const served = await Promise.all(waiting.map(async (call) => {
        const node = nodes[calls.indexOf(call) % NODES];
        assert(node);
        return { call, ...await node.ask(call) };
      }));
      for (const { call: { containerId = "", verb }, code, stdout } of served) {
        if (code !== 0) assert.equal(JSON.parse(stdout).code, 11, stdout);
        else if (verb === "ADD") live.set(containerId, addressesOf(stdout));
        else live.delete(containerId);
      }
      const left = served.filter(({ code }) => code !== 0);
      assert(left.length < served.length, `No call of ${served.length} succeeded: ${left[0]?.stdout}`);
      waiting = left.map(({ call }) => call);
    }
  };
  for (const life of [0, 1]) {
    for (let number = 0; number < WAVES; number++) await serve(wave("ADD", life, number));
    assert.equal(new Set([...live.values()].flat()).size, WAVES * NODES * CALLS);
    const more = await nodes[0]?.ask({ verb: "ADD", conf, containerId: `more${life}`, pod: "more" });
    assert.equal(JSON.parse(more?.stdout ?? "").code, 100, more?.stdout);
    await assertAgreement(kube, nodes, live);
    if (life > 0) return;
    for (let number = 0; number < WAVES; number++) await serve(wave("DEL", life, number));
    await assertAgreement(kube, nodes, live);
  }
});
