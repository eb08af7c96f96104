import assert from "node:assert/strict";
import { AgentNode } from "../support/agent.ts";
import { binary, type Call } from "../support/binary.ts";
import { makeKube } from "../support/kube.ts";
import { eventually, freePort, run } from "../support/process.ts";

const PLUGIN = await binary();
const MEGABYTE = 1024 * 1024;

const embedded = (node: AgentNode) => ({
  cniVersion: "1.1.0",
  name: "net",
  ipam: {
    type: "whereabouts",
    datastore: "embedded",
    database: `${node.folder}/whereabouts.db`,
    range: "10.0.0.0/16",
    log_level: "panic",
  },
});

const callOf = (node: AgentNode, verb: string, i: number): Call => ({
  verb,
  conf: embedded(node),
  containerId: `c${i}`,
  pod: `p${i}`,
});

/** A node whose database exists, so that its agent serves calls. */
async function startServing(options: ConstructorParameters<typeof AgentNode>[1] = {}): Promise<AgentNode> {
  const node = new AgentNode(PLUGIN, options);
  assert.equal((await node.call(callOf(node, "ADD", 0))).code, 0);
  await node.start();
  assert.equal((await node.ask(callOf(node, "ADD", 1))).code, 0);
  return node;
}

function connect(node: AgentNode): Promise<Deno.UnixConn> {
  return Deno.connect({ transport: "unix", path: node.socket });
}

Deno.test("the agent disconnects clients that send half a request and wait, and serves others meanwhile", async () => {
  await using node = await startServing();
  const before = node.descriptors();
  const silent = await Promise.all(Array.from({ length: 300 }, () => connect(node)));
  for (const connection of silent.slice(150)) await connection.write(new TextEncoder().encode('{"protocol":1,"env":'));
  for (let i = 2; i < 12; i++) assert.equal((await node.ask(callOf(node, "ADD", i))).code, 0);
  assert(node.descriptors() > before + 290, "the silent clients are no longer connected");
  const ends = await Promise.all(silent.map((connection) => connection.read(new Uint8Array(64)).catch(() => null)));
  assert.deepEqual(new Set(ends), new Set([null]));
  for (const connection of silent) connection.close();
  await eventually("their descriptors are closed", () => Promise.resolve(node.descriptors() <= before));
});

Deno.test("the agent refuses a hundred megabytes before it has read them, and its memory does not grow", async () => {
  await using node = await startServing();
  const before = node.memory();
  const junk = new TextEncoder().encode("x".repeat(MEGABYTE));
  for (let round = 0; round < 3; round++) {
    using connection = await connect(node);
    let sent = 0;
    const flood = async () => {
      for (; sent < 100; sent++) for (let at = 0; at < junk.length;) at += await connection.write(junk.subarray(at));
    };
    await assert.rejects(flood(), /[Pp]ipe|reset/);
    assert(sent < 20, `the agent read ${sent} MB`);
  }
  assert.equal((await node.ask(callOf(node, "ADD", 2))).code, 0);
  assert(node.memory() < before + 100, `the agent grew from ${before.toFixed(0)} to ${node.memory().toFixed(0)} MB`);
});

Deno.test("the agent does not answer nonsense, and answers invalid calls as the plugin does", async () => {
  await using node = await startServing();
  const nonsense = [
    "\u0000\u0001\u0002",
    "[".repeat(100_000),
    "null",
    '"ADD"',
    "{}",
    '{"protocol":1}',
    '{"protocol":1,"env":null,"stdin":"{}"}',
    '{"protocol":1,"env":{},"stdin":7}',
    '{"protocol":2,"env":{"CNI_COMMAND":"VERSION"},"stdin":""}',
  ];
  for (const text of nonsense) assert.equal(await node.knock(text), "", text.slice(0, 40));
  const code = async (env: unknown, stdin: string) => {
    const { exitCode, stdout } = JSON.parse(await node.knock(JSON.stringify({ protocol: 1, env, stdin })));
    assert.equal(exitCode, 1);
    return JSON.parse(stdout).code;
  };
  assert.equal(await code({}, "{}"), 4);
  assert.equal(await code({ CNI_COMMAND: "FROBNICATE" }, "{}"), 4);
  assert.equal(await code({ ...node.environment(callOf(node, "ADD", 2)), CNI_CONTAINERID: "../x" }, "{}"), 4);
  assert.equal(await code(node.environment(callOf(node, "ADD", 2)), "no JSON"), 6);
  assert.equal((await node.ask(callOf(node, "ADD", 2))).code, 0);
});

Deno.test("other users cannot reach the agent's socket, even if its folder is open to them", async () => {
  await using node = await startServing();
  const copy = `${node.folder}/plugin`; // where others may run it
  await Deno.copyFile(PLUGIN, copy);
  const asNobody = async () => {
    const probe = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy];
    const env = node.environment(callOf(node, "STATUS", 0));
    return await run(probe, { env, clearEnv: true, stdin: JSON.stringify(embedded(node)) });
  };
  Deno.chmodSync(node.folder, 0o755);
  assert.match((await asNobody()).stderr, /did not serve the call.*Permission denied/);
  Deno.chmodSync(`${node.folder}/run`, 0o755);
  assert.match((await asNobody()).stderr, /did not serve the call.*Permission denied/);
});

Deno.test("the agent survives a burst that uses all its descriptors: a call is served, or fails with the reason", async () => {
  const limited = `${Deno.makeTempDirSync()}/limited`;
  Deno.writeTextFileSync(limited, `#!/bin/sh\nulimit -n 64\nexec '${PLUGIN}' "$@"\n`, { mode: 0o755 });
  await using node = new AgentNode(limited);
  assert.equal((await node.call(callOf(node, "ADD", 0))).code, 0);
  await node.start();
  const answers = await Promise.all(Array.from({ length: 150 }, (_, i) => node.ask(callOf(node, "ADD", i))));
  for (const { code, stdout } of answers) if (code !== 0) assert.match(JSON.parse(stdout).msg, /Too many open files/);
  for (let i = 0; i < 150; i++) assert.equal((await node.ask(callOf(node, "ADD", i))).code, 0);
});

Deno.test("the agent's metrics count its calls, and its health endpoints answer", async () => {
  await using kube = await makeKube();
  const address = `127.0.0.1:${freePort()}`;
  await using node = await startServing({ args: ["--http-address", address] });
  const get = async (path: string) => {
    const response = await fetch(`http://${address}${path}`);
    return { status: response.status, text: await response.text() };
  };
  const ipam = { type: "whereabouts", kubernetes: { kubeconfig: kube.kubeconfig }, range: "10.99.0.0/24" };
  const conf = { cniVersion: "1.1.0", name: "kube", ipam };
  for (let i = 0; i < 3; i++) await node.ask({ verb: "ADD", conf, containerId: `k${i}`, pod: `k${i}` });
  await node.ask({ verb: "DEL", conf, containerId: "k0", pod: "k0" });
  assert.deepEqual([(await get("/healthz")).status, (await get("/readyz")).status, (await get("/x")).status], [
    200,
    200,
    404,
  ]);
  const { text } = await get("/metrics");
  for (
    const line of [
      'requests_total{verb="ADD",outcome="success",network="net"} 1',
      'requests_total{verb="ADD",outcome="success",network="kube"} 3',
      'requests_total{verb="DEL",outcome="success",network="kube"} 1',
      'request_seconds_count{verb="ADD",outcome="success"} 4',
      'store_seconds_count{operation="reserve",outcome="success"} 4',
      'store_seconds_count{operation="unreserve",outcome="success"} 1',
      'store_seconds_count{operation="commit",outcome="success"} 5',
      "batch_size_count 5",
      "queue_length 0",
      "releases_pending 0",
    ]
  ) assert(text.includes(`whereabouts_agent_${line}\n`), `${line}\n${text}`);
});
