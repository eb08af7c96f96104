import assert from "node:assert/strict";
import { AgentNode } from "../support/agent.ts";
import { addressesOf, assertAgreement } from "../support/agreement.ts";
import { binary, type Call } from "../support/binary.ts";
import { makeKube } from "../support/kube.ts";

const PLUGIN = await binary();
const WAVES = 100;
const NODES = 10;
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
  const calls = (verb: string, life: number, wave: number): Call[] =>
    nodes.map((_, i) => ({ verb, conf, containerId: `c${life}-${wave * NODES + i}`, pod: `p${wave * NODES + i}` }));
  const serve = async (wave: readonly Call[]) => {
    const served = await Promise.all(wave.map((call, i) => nodes[i]?.ask(call)));
    for (const [i, { containerId = "", verb }] of wave.entries()) {
      assert.equal(served[i]?.code, 0, served[i]?.stdout);
      if (verb === "ADD") live.set(containerId, addressesOf(served[i]?.stdout ?? ""));
      else live.delete(containerId);
    }
  };
  for (const life of [0, 1]) {
    for (let wave = 0; wave < WAVES; wave++) await serve(calls("ADD", life, wave));
    assert.equal(new Set([...live.values()].flat()).size, WAVES * NODES);
    const more = await nodes[0]?.ask({ verb: "ADD", conf, containerId: `more${life}`, pod: "more" });
    assert.equal(JSON.parse(more?.stdout ?? "").code, 100, more?.stdout);
    await assertAgreement(kube, nodes, live);
    if (life > 0) return;
    for (let wave = 0; wave < WAVES; wave++) await serve(calls("DEL", life, wave));
    await assertAgreement(kube, nodes, live);
  }
});
