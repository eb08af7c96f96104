import assert from "node:assert/strict";
import { AgentNode } from "../support/agent.ts";
import { binary } from "../support/binary.ts";
import { type Kube, makeKube } from "../support/kube.ts";
import { eventually, run } from "../support/process.ts";

const PLUGIN = await binary();

function network({ kubeconfig }: Pick<Kube, "kubeconfig">, range: string): Record<string, unknown> {
  return {
    cniVersion: "1.1.0",
    name: "net",
    ipam: { type: "whereabouts", log_level: "error", kubernetes: { kubeconfig }, range },
  };
}

const lastOctet = (stdout: string) => Number(/\.(\d+)\//.exec(JSON.parse(stdout).ips[0].address)?.[1]);

async function entries(kube: Kube, pool: string): Promise<Record<string, { podref: string }>> {
  return JSON.parse(await kube.kubectl("get", "ippool", pool, "-o", "json")).spec.allocations;
}

Deno.test("the agent serves forty concurrent plugins with the lowest forty addresses, in fewer than forty writes", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(PLUGIN);
  await node.start();
  const conf = network(kube, "10.61.0.0/24");
  const adds = await Promise.all(
    Array.from({ length: 40 }, (_, i) => node.call({ verb: "ADD", conf, containerId: `c${i}`, pod: `p${i}` })),
  );
  for (const { code, stdout, stderr } of adds) assert.deepEqual([code, stderr], [0, ""], stdout);
  assert.deepEqual(
    adds.map(({ stdout }) => lastOctet(stdout)).sort((a, b) => a - b),
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
  const writes = (await kube.requests()).filter((request) => /(patch|create) ippools/.test(request)).length;
  assert(writes < 40, `${writes} writes of the pool`);
  const dels = await Promise.all(
    Array.from({ length: 40 }, (_, i) => node.call({ verb: "DEL", conf, containerId: `c${i}`, pod: `p${i}` })),
  );
  assert(dels.every(({ code }) => code === 0));
  assert.deepEqual(await entries(kube, "10.61.0.0-24"), {});
  assert.equal(JSON.parse(await kube.kubectl("get", "overlappingrangeipreservations", "-o", "json")).items.length, 0);
  assert.deepEqual(node.records("attachments"), []);
});

Deno.test("the agent serves six hundred concurrent calls, more than the runtime has threads", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(PLUGIN);
  await node.start();
  const conf = network(kube, "10.66.0.0/22");
  const ask = async (i: number) => {
    const { code, stdout } = await node.ask({ verb: "ADD", conf, containerId: `c${i}`, pod: `p${i}` });
    assert.equal(code, 0, stdout);
    return JSON.parse(stdout).ips[0].address;
  };
  const addresses = await Promise.all(Array.from({ length: 600 }, (_, i) => ask(i)));
  assert.equal(new Set(addresses).size, 600);
  assert.equal(Object.keys(await entries(kube, "10.66.0.0-22")).length, 600);
});

Deno.test("plugins serve calls directly whenever the agent is killed", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(PLUGIN);
  const conf = network(kube, "10.62.0.0/24");
  const live = new Map<number, number>();
  for (let round = 0; round < 5; round++) {
    await node.start();
    const adds = Array.from({ length: 12 }, async (_, i) => {
      const id = round * 12 + i;
      const { code, stdout } = await node.call({ verb: "ADD", conf, containerId: `c${id}`, pod: `p${id}` });
      assert.equal(code, 0, stdout);
      live.set(id, lastOctet(stdout));
    });
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 150));
    await node.kill();
    await Promise.all(adds);
  }
  assert.equal(new Set(live.values()).size, 60);
  const stored = await entries(kube, "10.62.0.0-24");
  const expected = [...live].map(([id, octet]) => [String(octet), `default/p${id}`]).sort();
  assert.deepEqual(Object.entries(stored).map(([octet, { podref }]) => [octet, podref]).sort(), expected);
  const { items } = JSON.parse(await kube.kubectl("get", "overlappingrangeipreservations", "-o", "json"));
  assert.equal(items.length, 60);
});

Deno.test("a second agent refuses to start with the reason; a socket of a killed agent is replaced", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(PLUGIN);
  await node.start();
  const second = await run([PLUGIN, "agent", "--socket", node.socket]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /Cannot listen on .*agent\.sock: another agent listens there/);
  await node.kill();
  assert(node.listens(), "a killed agent leaves its socket");
  await node.start();
  await eventually("the new agent serves", async () => {
    return (await node.call({ verb: "STATUS", conf: network(kube, "10.63.0.0/24") })).code === 0;
  });
});

Deno.test("only its owner can use the agent's socket, and an incomplete or foreign request gets no answer", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(PLUGIN);
  await node.start();
  assert.equal((Deno.statSync(node.socket).mode ?? 0) & 0o777, 0o600);
  assert.equal((Deno.statSync(`${node.folder}/run`).mode ?? 0) & 0o777, 0o700);
  for (const text of ["", "{", '{"protocol":99,"env":{},"stdin":""}', "null", "[]"]) {
    assert.equal(await node.knock(text), "", text);
  }
  assert.equal((await node.call({ verb: "STATUS", conf: network(kube, "10.64.0.0/24") })).code, 0);
});

Deno.test("the agent answers accepted calls when it is stopped, and removes its socket", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(PLUGIN);
  const agent = node.spawn();
  await agent.ready("the agent", () => Promise.resolve(node.listens()));
  const conf = network(kube, "10.65.0.0/24");
  const adds = Array.from(
    { length: 10 },
    (_, i) => node.call({ verb: "ADD", conf, containerId: `c${i}`, pod: `p${i}` }),
  );
  await eventually("calls are in progress", async () => (await kube.requests()).length > 0);
  Deno.kill(agent.pid, "SIGTERM");
  const answers = await Promise.all(adds);
  assert.deepEqual(answers.map(({ code }) => code), new Array(10).fill(0));
  await eventually("the socket is removed", () => Promise.resolve(!node.listens()));
  await agent[Symbol.asyncDispose]();
  assert.equal(Object.keys(await entries(kube, "10.65.0.0-24")).length, 10);
});
