import assert from "node:assert/strict";
import { ALLOWED, binary, environmentOf } from "../support/binary.ts";
import { makeKube } from "../support/kube.ts";
import { cniPlugins, Netns } from "../support/netns.ts";
import { eventually, isInstalled, isThere, Server } from "../support/process.ts";

const PLUGIN = await binary();

/**
 * A node with a bridge of its own, in a network namespace, where the reference bridge plugin calls ours for addresses. The namespace does not
 * reach the API server; the agent outside does, and a socket is a file in both.
 */
class BridgeNode implements AsyncDisposable {
  readonly #host: Netns;
  readonly #folder: string;
  readonly #bin: string;
  #agent: Server | undefined;

  private constructor(host: Netns, folder: string, bin: string) {
    this.#host = host;
    this.#folder = folder;
    this.#bin = bin;
  }

  static async start(): Promise<BridgeNode> {
    const bin = await cniPlugins("bridge");
    if (!await isInstalled("ping")) throw new Error("No ping on this machine: apt-get install -y iputils-ping");
    const folder = await Deno.makeTempDir({ prefix: "bridge-" });
    await Deno.symlink(PLUGIN, `${folder}/whereabouts`);
    return new BridgeNode(await Netns.create(), folder, bin);
  }

  /** Starts the node's agent. */
  async withAgent(): Promise<void> {
    const socket = `${this.#folder}/agent.sock`;
    const env = { WHEREABOUTS_JOURNAL: `${this.#folder}/journal`, WHEREABOUTS_ALLOW_PATHS: ALLOWED };
    this.#agent = new Server([PLUGIN, "agent", "--socket", socket], `${this.#folder}/agent.log`, env);
    await this.#agent.ready("the agent", () => isThere(socket));
  }

  get database(): string {
    return `${this.#folder}/whereabouts.db`;
  }

  /** Runs the bridge plugin for an interface of a pod. */
  async call(verb: string, ipam: Record<string, unknown>, pod: Netns, ifName: string, name: string): Promise<string> {
    const conf = {
      cniVersion: "1.0.0",
      name: "br",
      type: "bridge",
      bridge: "br0",
      ipam: { type: "whereabouts", log_level: "error", ...ipam },
    };
    const env = {
      ...environmentOf({ verb, conf, containerId: name, ifName, pod: name }),
      CNI_PATH: `${this.#folder}:${this.#bin}`,
      CNI_NETNS: pod.path,
      WHEREABOUTS_JOURNAL: `${this.#folder}/journal`,
      WHEREABOUTS_AGENT_SOCKET: `${this.#folder}/agent.sock`,
    };
    return await this.#host.must([`${this.#bin}/bridge`], { env, clearEnv: true, stdin: JSON.stringify(conf) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.[Symbol.asyncDispose]();
    await this.#host[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

const RANGES = { range: "10.80.0.0/24", ipRanges: [{ range: "fd80::/64" }] };

async function pingEachOther(node: BridgeNode, ipam: Record<string, unknown>): Promise<void> {
  await using a = await Netns.create();
  await using b = await Netns.create();
  await node.call("ADD", ipam, a, "eth0", "pod-a");
  await node.call("ADD", ipam, b, "eth0", "pod-b");
  assert.deepEqual((await a.addresses("eth0")).sort(), ["10.80.0.1/24", "fd80::1/64"]);
  assert.deepEqual((await b.addresses("eth0")).sort(), ["10.80.0.2/24", "fd80::2/64"]);
  for (const [from, to] of [[a, "10.80.0.2"], [b, "10.80.0.1"], [a, "fd80::2"], [b, "fd80::1"]] as const) {
    await eventually(`a ping of ${to}`, async () => (await from.run(["ping", "-c", "1", "-W", "1", to])).code === 0);
  }
  await node.call("DEL", ipam, a, "eth0", "pod-a");
  await using c = await Netns.create();
  await node.call("ADD", ipam, c, "eth0", "pod-c");
  assert.deepEqual((await c.addresses("eth0")).sort(), ["10.80.0.1/24", "fd80::1/64"]);
  for (const [pod, name] of [[b, "pod-b"], [c, "pod-c"]] as const) await node.call("DEL", ipam, pod, "eth0", name);
}

Deno.test("two pods on a bridge ping each other over IPv4 and IPv6, with addresses of the embedded store", async () => {
  await using node = await BridgeNode.start();
  await pingEachOther(node, { datastore: "embedded", database: node.database, ...RANGES });
});

Deno.test("two pods on a bridge ping each other over IPv4 and IPv6, with addresses of the Kubernetes store", async () => {
  await using kube = await makeKube();
  await using node = await BridgeNode.start();
  await node.withAgent();
  await pingEachOther(node, { kubernetes: { kubeconfig: kube.kubeconfig }, ...RANGES });
  const { items } = JSON.parse(await kube.kubectl("get", "ippools", "-o", "json"));
  assert.deepEqual(items.map(({ spec }: { spec: { allocations: unknown } }) => spec.allocations), [{}, {}]);
});

Deno.test("forty concurrent interfaces of ten pods get exactly the lowest forty addresses", async () => {
  await using kube = await makeKube();
  await using node = await BridgeNode.start();
  await node.withAgent();
  const ipam = { kubernetes: { kubeconfig: kube.kubeconfig }, range: "10.81.0.0/24" };
  const pods = await Promise.all(Array.from({ length: 10 }, () => Netns.create()));
  try {
    await Promise.all(
      pods.flatMap((pod, i) =>
        ["net1", "net2", "net3", "net4"].map((ifName) => node.call("ADD", ipam, pod, ifName, `pod-${i}`))
      ),
    );
    const found = await Promise.all(
      pods.flatMap((pod) => ["net1", "net2", "net3", "net4"].map((ifName) => pod.addresses(ifName))),
    );
    const octets = found.flat().map((address) => Number(/\.(\d+)\/24$/.exec(address)?.[1])).sort((a, b) => a - b);
    assert.deepEqual(octets, Array.from({ length: 40 }, (_, i) => i + 1));
  } finally {
    await Promise.all(pods.map((pod) => pod[Symbol.asyncDispose]()));
  }
});
