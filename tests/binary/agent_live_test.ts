import assert from "node:assert/strict";
import { binary, type Call, environmentOf } from "../support/binary.ts";
import { type Kube, makeKube } from "../support/kube.ts";
import { eventually, run, Server } from "../support/process.ts";

const PLUGIN = await binary();

/** A node: an agent's socket, a journal, and the API server. */
class AgentNode implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "agent-" });
  readonly socket = `${this.folder}/run/agent.sock`;
  readonly kube: Kube;
  #agent: Server | undefined;

  constructor(kube: Kube) {
    this.kube = kube;
  }

  async start(): Promise<void> {
    this.#agent = this.spawn();
    await this.#agent.ready("the agent", () => Promise.resolve(this.listens()));
  }

  spawn(): Server {
    const env = { WHEREABOUTS_JOURNAL: `${this.folder}/journal` };
    return new Server([PLUGIN, "agent", "--socket", this.socket], `${this.folder}/agent.log`, env);
  }

  async kill(): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]();
  }

  listens(): boolean {
    try {
      return Deno.statSync(this.socket).isSocket === true;
    } catch {
      return false;
    }
  }

  async call(call: Call): Promise<{ code: number; stdout: string; stderr: string }> {
    const env = {
      ...environmentOf(call),
      WHEREABOUTS_JOURNAL: `${this.folder}/journal`,
      WHEREABOUTS_AGENT_SOCKET: this.socket,
    };
    return await run([PLUGIN], { env, clearEnv: true, stdin: JSON.stringify(call.conf) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.folder, { recursive: true });
  }
}

function network({ kubeconfig }: Pick<Kube, "kubeconfig">, range: string): Record<string, unknown> {
  return {
    cniVersion: "1.1.0",
    name: "net",
    ipam: { type: "whereabouts", log_level: "error", kubernetes: { kubeconfig }, range },
  };
}

const last = (stdout: string) => Number(/\.(\d+)\//.exec(JSON.parse(stdout).ips[0].address)?.[1]);

async function entries({ kube }: AgentNode, pool: string): Promise<Record<string, { podref: string }>> {
  return JSON.parse(await kube.kubectl("get", "ippool", pool, "-o", "json")).spec.allocations;
}

Deno.test("the agent serves forty plugins at once with the lowest forty addresses, in far fewer writes", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(kube);
  await node.start();
  const conf = network(kube, "10.61.0.0/24");
  const adds = await Promise.all(
    Array.from({ length: 40 }, (_, i) => node.call({ verb: "ADD", conf, containerId: `c${i}`, pod: `p${i}` })),
  );
  for (const { code, stdout, stderr } of adds) assert.deepEqual([code, stderr], [0, ""], stdout);
  assert.deepEqual(
    adds.map(({ stdout }) => last(stdout)).sort((a, b) => a - b),
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
  const writes = (await kube.requests()).filter((request) => /(patch|create) ippools/.test(request)).length;
  assert(writes < 40, `${writes} writes of the pool`);
  const dels = await Promise.all(
    Array.from({ length: 40 }, (_, i) => node.call({ verb: "DEL", conf, containerId: `c${i}`, pod: `p${i}` })),
  );
  assert(dels.every(({ code }) => code === 0));
  assert.deepEqual(await entries(node, "10.61.0.0-24"), {});
  assert.equal(JSON.parse(await kube.kubectl("get", "overlappingrangeipreservations", "-o", "json")).items.length, 0);
  assert.deepEqual([...Deno.readDirSync(`${node.folder}/journal/attachments`)], []);
});

Deno.test("the agent serves six hundred calls at once, more than the runtime has threads to wait with", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(kube);
  await node.start();
  const conf = network(kube, "10.66.0.0/22");
  const ask = async (i: number) => {
    using connection = await Deno.connect({ transport: "unix", path: node.socket });
    const env = environmentOf({ verb: "ADD", conf, containerId: `c${i}`, pod: `p${i}` });
    const data = new TextEncoder().encode(JSON.stringify({ protocol: 1, env, stdin: JSON.stringify(conf) }));
    for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
    await connection.closeWrite();
    const answer = JSON.parse(await new Response(connection.readable).text());
    assert.equal(answer.exitCode, 0, answer.stdout);
    return JSON.parse(answer.stdout).ips[0].address;
  };
  const addresses = await Promise.all(Array.from({ length: 600 }, (_, i) => ask(i)));
  assert.equal(new Set(addresses).size, 600);
  assert.equal(Object.keys(await entries(node, "10.66.0.0-22")).length, 600);
});

Deno.test("plugins serve themselves when the agent is killed at any moment", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(kube);
  const conf = network(kube, "10.62.0.0/24");
  const live = new Map<number, number>();
  for (let round = 0; round < 5; round++) {
    await node.start();
    const adds = Array.from({ length: 12 }, async (_, i) => {
      const id = round * 12 + i;
      const { code, stdout } = await node.call({ verb: "ADD", conf, containerId: `c${id}`, pod: `p${id}` });
      assert.equal(code, 0, stdout);
      live.set(id, last(stdout));
    });
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 150));
    await node.kill();
    await Promise.all(adds);
  }
  assert.equal(new Set(live.values()).size, 60);
  const stored = await entries(node, "10.62.0.0-24");
  const expected = [...live].map(([id, octet]) => [String(octet), `default/p${id}`]).sort();
  assert.deepEqual(Object.entries(stored).map(([octet, { podref }]) => [octet, podref]).sort(), expected);
  const { items } = JSON.parse(await kube.kubectl("get", "overlappingrangeipreservations", "-o", "json"));
  assert.equal(items.length, 60);
});

Deno.test("a second agent refuses to start and says why; a socket that was left behind is replaced", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(kube);
  await node.start();
  const second = await run([PLUGIN, "agent", "--socket", node.socket]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /Cannot listen on .*agent\.sock: another agent does/);
  await node.kill();
  assert(node.listens(), "a killed agent leaves its socket");
  await node.start();
  await eventually("the new agent serves", async () => {
    return (await node.call({ verb: "STATUS", conf: network(kube, "10.63.0.0/24") })).code === 0;
  });
});

Deno.test("the agent's socket is its owner's alone, and half a request or a stranger's gets no answer", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(kube);
  await node.start();
  assert.equal((Deno.statSync(node.socket).mode ?? 0) & 0o777, 0o600);
  assert.equal((Deno.statSync(`${node.folder}/run`).mode ?? 0) & 0o777, 0o700);
  const knock = async (text: string) => {
    using connection = await Deno.connect({ transport: "unix", path: node.socket });
    await connection.write(new TextEncoder().encode(text));
    await connection.closeWrite();
    return await connection.read(new Uint8Array(64));
  };
  for (const text of ["", "{", '{"protocol":99,"env":{},"stdin":""}', "null", "[]"]) {
    assert.equal(await knock(text), null, text);
  }
  assert.equal((await node.call({ verb: "STATUS", conf: network(kube, "10.64.0.0/24") })).code, 0);
});

Deno.test("the agent answers what it took when it is told to stop, and removes its socket", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(kube);
  const agent = node.spawn();
  await agent.ready("the agent", () => Promise.resolve(node.listens()));
  const conf = network(kube, "10.65.0.0/24");
  const adds = Array.from(
    { length: 10 },
    (_, i) => node.call({ verb: "ADD", conf, containerId: `c${i}`, pod: `p${i}` }),
  );
  await eventually("calls are under way", async () => (await kube.requests()).length > 0);
  Deno.kill(agent.pid, "SIGTERM");
  const answers = await Promise.all(adds);
  assert.deepEqual(answers.map(({ code }) => code), new Array(10).fill(0));
  await eventually("the socket is gone", () => Promise.resolve(!node.listens()));
  await agent[Symbol.asyncDispose]();
  assert.equal(Object.keys(await entries(node, "10.65.0.0-24")).length, 10);
});
