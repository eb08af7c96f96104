import assert from "node:assert/strict";
import { AgentNode } from "../support/agent.ts";
import { addressesOf, assertAgreement } from "../support/agreement.ts";
import { binary, type Call } from "../support/binary.ts";
import { type Kube, kubeconfigOf, makeKube } from "../support/kube.ts";
import { eventually, killNow, must } from "../support/process.ts";
import { FaultProxy } from "../support/proxy.ts";
import { makeRandom } from "../support/world.ts";

const PLUGIN = await binary();

/** Calls of one network, and the addresses that their answers assigned. */
class Callers {
  readonly live = new Map<string, readonly string[]>();
  readonly #conf: unknown;

  constructor(kubeconfig: string, range: string) {
    const ipam = { type: "whereabouts", log_level: "error", kubernetes: { kubeconfig }, range };
    this.#conf = { cniVersion: "1.1.0", name: "net", ipam };
  }

  call(verb: string, i: number): Call {
    return { verb, conf: this.#conf, containerId: `c${i}`, pod: `p${i}` };
  }

  /** Records the answer of a call. */
  record({ verb, containerId = "" }: Call, { code, stdout }: { readonly code: number; readonly stdout: string }): void {
    assert.equal(code, 0, stdout);
    if (verb === "ADD") this.live.set(containerId, addressesOf(stdout));
    else this.live.delete(containerId);
  }

  /** Runs calls, at most `width` at the same time. */
  async all(calls: readonly Call[], width: number, serve: (call: Call) => Promise<void>): Promise<void> {
    let next = 0;
    const worker = async () => {
      for (let call = calls[next++]; call; call = calls[next++]) await serve(call);
    };
    await Promise.all(Array.from({ length: width }, worker));
  }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

Deno.test("an agent that is killed with five hundred calls in flight loses no address and assigns none twice", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(PLUGIN);
  const callers = new Callers(kube.kubeconfig, "10.70.0.0/20");
  const random = makeRandom(7);
  for (let round = 0; round < 4; round++) {
    await node.start();
    const calls = [
      ...numbers(round * 300, round * 300 + 300).map((i) => callers.call("ADD", i)),
      ...numbers(round * 300 - 300, round * 300 - 100).filter((i) => i >= 0).map((i) => callers.call("DEL", i)),
    ];
    const killAfter = Math.floor(random() * calls.length * 0.8);
    let answered = 0;
    const cut: Call[] = [];
    const { promise: killed, resolve: kill } = Promise.withResolvers<void>();
    const work = callers.all(calls, calls.length, async (call) => {
      const served = await node.ask(call).catch(() => undefined);
      if (served) callers.record(call, served);
      else cut.push(call);
      if (++answered > killAfter) kill();
    });
    await killed;
    await node.kill();
    await work;
    assert(cut.length > 0, "the agent was killed too late to matter");
    await node.start();
    await callers.all(cut, 500, async (call) => callers.record(call, await node.ask(call)));
    await assertAgreement(kube, node, callers.live);
    await node.kill();
  }
});

Deno.test("plugins that are killed while they wait for the agent leave nothing that their DEL does not release", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(PLUGIN);
  await node.start();
  const callers = new Callers(kube.kubeconfig, "10.71.0.0/24");
  const random = makeRandom(11);
  await callers.all(numbers(0, 40).map((i) => callers.call("ADD", i)), 20, async (call) => {
    const child = new Deno.Command(PLUGIN, {
      env: node.environment(call),
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(JSON.stringify(call.conf)));
    await writer.close();
    const timer = setTimeout(() => killNow(child), 20 + random() * 150);
    const { success, stdout } = await child.output();
    clearTimeout(timer);
    if (success) callers.record(call, { code: 0, stdout: new TextDecoder().decode(stdout) });
  });
  const dead = numbers(0, 40).filter((i) => !callers.live.has(`c${i}`));
  assert(dead.length > 0, "no plugin was killed in time");
  await callers.all(dead.map((i) => callers.call("DEL", i)), 10, async (call) => {
    callers.record(call, await node.call(call));
  });
  await assertAgreement(kube, node, callers.live);
});

Deno.test("no call of the plugin fails while the agent restarts under load", async () => {
  await using kube = await makeKube();
  await using node = new AgentNode(PLUGIN);
  const callers = new Callers(kube.kubeconfig, "10.72.0.0/24");
  let agent = await node.start();
  const calls = numbers(0, 60).flatMap((
    i,
  ) => [callers.call("ADD", i), ...(i >= 12 ? [callers.call("DEL", i - 12)] : [])]);
  let done = 0;
  let restarts = 0;
  const restart = async () => {
    restarts++;
    Deno.kill(agent.pid, "SIGTERM");
    await eventually("the agent has stopped", () => Promise.resolve(agent.ended));
    agent = await node.start();
  };
  const restarted: Promise<void>[] = [];
  await callers.all(calls, 6, async (call) => {
    callers.record(call, await node.call(call));
    if (++done === 20 || done === 60) restarted.push(restart());
  });
  await Promise.all(restarted);
  assert.equal(restarts, 2);
  await assertAgreement(kube, node, callers.live);
});

Deno.test("the agent records pending releases while the store is unavailable, refuses ADD, and finishes the releases afterwards", async () => {
  await using kube = await makeKube();
  await using proxy = await FaultProxy.start(kube);
  await using node = new AgentNode(PLUGIN);
  await node.start();
  const callers = new Callers(await proxy.kubeconfig(), "10.73.0.0/24");
  await callers.all(numbers(0, 30).map((i) => callers.call("ADD", i)), 30, async (call) => {
    callers.record(call, await node.ask(call));
  });
  proxy.plan = () => "close";
  await callers.all(numbers(0, 20).map((i) => callers.call("DEL", i)), 20, async (call) => {
    callers.record(call, await node.ask(call));
  });
  assert.equal(node.records("releasing").length, 20);
  const { code, stdout } = await node.ask(callers.call("ADD", 99));
  assert.deepEqual([code, JSON.parse(stdout).code], [1, 11]);
  proxy.plan = () => "pass";
  await callers.all(numbers(0, 5).map((i) => callers.call("ADD", i)), 5, async (call) => {
    callers.record(call, await node.ask(call));
  });
  await assertAgreement(kube, node, callers.live);
});

/** Tokens of a service account that is an administrator of its namespace. */
async function tokensOf(kube: Kube, count: number): Promise<string[]> {
  await kube.kubectl("create", "serviceaccount", "agent");
  const account = `--serviceaccount=${kube.namespace}:agent`;
  await kube.kubectl("create", "rolebinding", "agent", "--clusterrole=cluster-admin", account);
  const tokens: string[] = [];
  while (tokens.length < count) {
    const token = (await kube.kubectl("create", "token", "agent", `--duration=${10 + tokens.length}m`)).trim();
    if (!tokens.includes(token)) tokens.push(token);
  }
  return tokens;
}

Deno.test("the agent keeps serving under load when its token is rotated, in the kubeconfig or in the token file", async () => {
  await using kube = await makeKube();
  await using proxy = await FaultProxy.start(kube);
  await using node = new AgentNode(PLUGIN);
  await node.start();
  const tokens = await tokensOf(kube, 5);
  const url = JSON.parse(await Deno.readTextFile(await proxy.kubeconfig())).clusters[0].cluster.server;
  let valid = 0;
  let refused = 0;
  proxy.plan = ({ token }) => {
    if (token === tokens[valid] || token === tokens[valid + 1]) return "pass";
    refused++;
    return { status: 401 };
  };
  const kubeconfig = `${node.folder}/kubeconfig`;
  const write = async (user: Record<string, string>) => {
    const config = kubeconfigOf({ ...kube, url }, user, kube.namespace);
    await Deno.writeTextFile(`${kubeconfig}.new`, JSON.stringify(config));
    await Deno.rename(`${kubeconfig}.new`, kubeconfig);
  };
  await write({ token: tokens[0] ?? "" });
  const callers = new Callers(kubeconfig, "10.74.0.0/22");
  let done = 0;
  const rotate = async (round: number) => {
    const next = tokens[round] ?? "";
    await Deno.writeTextFile(`${node.folder}/token`, next);
    if (round < 3) await write({ token: next });
    if (round === 3) await write({ tokenFile: `${node.folder}/token` });
    valid = round; // earlier tokens are refused from now on
  };
  const rotated: Promise<void>[] = [];
  await callers.all(numbers(0, 400).map((i) => callers.call("ADD", i)), 10, async (call) => {
    callers.record(call, await node.ask(call));
    if (++done % 80 === 0 && done < 400) rotated.push(rotate(done / 80));
  });
  await Promise.all(rotated);
  assert(refused > 0, "no token was ever refused");
  await assertAgreement(kube, node, callers.live);
});

Deno.test("a node with a full disk allocates nothing that it cannot record, and still releases", async () => {
  await using kube = await makeKube();
  await using proxy = await FaultProxy.start(kube);
  const disk = Deno.makeTempDirSync({ prefix: "disk-" });
  await must(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk]);
  try {
    await using node = new AgentNode(PLUGIN, { journal: `${disk}/journal` });
    await node.start();
    const callers = new Callers(await proxy.kubeconfig(), "10.75.0.0/24");
    const serve = async (verb: string, i: number, by: "ask" | "call" = "ask") => {
      const call = callers.call(verb, i);
      callers.record(call, await node[by](call));
    };
    for (let i = 0; i < 6; i++) await serve("ADD", i);
    Deno.removeSync(`${disk}/journal/addresses`, { recursive: true }); // a DEL removes these first, which makes room for its pending release
    fill(`${disk}/filler`);
    for (const by of ["ask", "call"] as const) {
      const { code, stdout } = await node[by](callers.call("ADD", 99));
      assert.deepEqual([code, JSON.parse(stdout).code], [1, 5], stdout);
      assert.match(JSON.parse(stdout).msg, /Cannot write the node's journal, so nothing was allocated/);
    }
    await assertAgreement(kube, node, callers.live);
    proxy.plan = () => "close";
    const { code, stdout } = await node.ask(callers.call("DEL", 0));
    assert.deepEqual([code, JSON.parse(stdout).code], [1, 11], "a DEL that cannot record its pending release fails");
    proxy.plan = () => "pass";
    await serve("DEL", 0);
    fill(`${disk}/filler2`);
    await serve("DEL", 1, "call");
    await serve("ADD", 2); // it is recorded already
    await assertAgreement(kube, node, callers.live);
    Deno.removeSync(`${disk}/filler`);
    await serve("ADD", 7);
    await assertAgreement(kube, node, callers.live);
  } finally {
    await must(["umount", "--lazy", disk]);
    Deno.removeSync(disk);
  }
});

/** Writes until the disk is full. */
function fill(path: string): void {
  using file = Deno.openSync(path, { write: true, create: true });
  assert.throws(() => {
    for (;;) file.writeSync(new Uint8Array(1_024));
  }, /No space left/);
}
