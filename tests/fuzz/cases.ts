/**
 * Hostile input for each entry point of the product, from a seed: kubeconfigs, certificates, flat files, network configurations, journal
 * records, NetworkAttachmentDefinitions as the controller reads them, stored objects, and answers of servers.
 *
 * Invariants: a call of the plugin returns one answer, or one error object with a code other than that of unforeseen errors; a command ends
 * with its exit code and a message; nothing else is thrown; no secret is written.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openCluster, readDocuments, writeYaml } from "../../drivers/cluster.ts";
import { readAccess } from "../../drivers/kubernetes/access.ts";
import { connect } from "../../drivers/kubernetes/connect.ts";
import { loadDriver } from "../../drivers/mod.ts";
import { runCommand } from "../../src/cli/command.ts";
import { readCall } from "../../src/call/call.ts";
import { directHost } from "../../src/cni/host.ts";
import { runPlugin } from "../../src/cni/plugin.ts";
import { ConfigError } from "../../src/config/types.ts";
import { readNetworks } from "../../src/controllers/networks.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { denoWorld } from "../../src/world/deno.ts";
import type { World } from "../../src/world/world.ts";
import { makeRandom, type MemoryWorld, memoryWorld } from "../support/world.ts";
import { type Chance, garble, mutate, pick, SECRET } from "./mutate.ts";
import { hostileServer } from "./server.ts";

/** Valid certificates and keys, to garble. */
export interface Certificates {
  /** PEM. */
  readonly ca: string;
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

const FLAT = "/etc/cni/net.d/whereabouts.d/whereabouts.conf";
const KUBECONFIG = "/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig";
const JOURNAL = "/journal";

/** A world of the seed's files, whose clock runs a thousand times as fast. */
function worldOf(files: Record<string, string>, env: Record<string, string>, stdin: string): MemoryWorld {
  const real = denoWorld();
  const memory = memoryWorld({ files, env, stdin });
  const sleep: World["sleep"] = (milliseconds, signal) => {
    assert(milliseconds < 2 ** 31, `A timer of ${milliseconds} ms ends at once`);
    return real.sleep(milliseconds / 1_000, signal);
  };
  return { ...memory, sleep, now: real.now, monotonic: real.monotonic };
}

function kubeconfig(server: string, { ca, cert, key }: Certificates, chance: Chance): string {
  const user = pick<Record<string, unknown>>(
    chance,
    { token: SECRET },
    { token: SECRET },
    { "client-certificate-data": btoa(garble(cert, chance)), "client-key-data": btoa(garble(key, chance)) },
    { exec: { command: SECRET } },
    { username: "u", password: SECRET },
  );
  const document = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{
      name: "c",
      cluster: { server, ...(chance() < 0.3 && { "certificate-authority-data": btoa(garble(ca, chance)) }) },
    }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "kube-system" } }],
    "current-context": "x",
  };
  const json = JSON.stringify(mutate(document, chance, pick(chance, 0, 0, 0.03)));
  const yaml = `# ${SECRET}\n${json.replace(/"(\w+)":/g, "$1: ")}\n`;
  return pick(chance, json, json, yaml, garble(json, chance), garble(yaml, chance));
}

function conf(chance: Chance): string {
  const ipam = {
    type: "whereabouts",
    range: "10.0.0.0/24",
    exclude: ["10.0.0.9"],
    gateway: "10.0.0.254",
    log_level: "error",
    kubernetes: { kubeconfig: KUBECONFIG },
    ...(chance() < 0.2 && { node_slice_size: "/26" }),
    ...(chance() < 0.2 && { enable_overlapping_ranges: false }),
  };
  const document = { cniVersion: pick(chance, "1.0.0", "1.1.0", "0.3.1"), name: "net", type: "macvlan", ipam };
  const json = JSON.stringify(mutate(document, chance, pick(chance, 0, 0, 0.05)));
  return chance() < 0.1 ? garble(json, chance) : json;
}

function journalFiles(chance: Chance): Record<string, string> {
  const record = {
    format: 1,
    network: "net",
    containerId: "c1",
    ifName: "net1",
    conf: conf(chance),
    held: [{ pool: { network: "", range: "10.0.0.0/24" }, address: "10.0.0.1", podRef: "default/p1" }],
  };
  const text = () => garble(JSON.stringify(mutate(record, chance, pick(chance, 0, 0.1))), chance, 1);
  return { [`${JOURNAL}/attachments/net:c1:net1.json`]: text(), [`${JOURNAL}/releasing/net:c2:net1.json`]: text() };
}

/** Asserts that a text holds no secret, no stack trace and no message of the JavaScript engine. */
function assertClean(text: string): void {
  assert(!text.includes(SECRET) && !text.includes("internal page"), text.slice(0, 2_000));
  assert.doesNotMatch(
    text,
    /\n\s+at .+:\d+:\d+|is not a function|is not iterable|Cannot (read|convert|destructure|set) propert|of undefined|of null/,
  );
}

async function callCase(chance: Chance, certificates: Certificates): Promise<void> {
  await using server = hostileServer(chance);
  const verb = pick(chance, "ADD", "ADD", "ADD", "DEL", "DEL", "CHECK", "GC", "STATUS");
  const garbled = chance() < 0.5; // a secret may then be in a field whose value is shown
  const members = { datastore: "kubernetes", log_level: "error", etcd_password: garbled ? "password" : SECRET };
  const document = JSON.stringify(mutate(members, chance, pick(chance, 0, 0.1)));
  const flat = garbled ? garble(document, chance, 1) : document;
  const files = {
    [KUBECONFIG]: kubeconfig(server.url, certificates, chance),
    ...(chance() < 0.3 && { [FLAT]: flat }),
    ...(chance() < 0.4 && journalFiles(chance)),
  };
  const prevResult = { cniVersion: "1.0.0", ips: [{ address: "10.0.0.1/24" }] };
  const network = conf(chance);
  const stdin = chance() < 0.5 ? network : network.replace(
    /}$/,
    `,"prevResult":${JSON.stringify(mutate(prevResult, chance, 0.05))},"cni.dev/valid-attachments":[]}`,
  );
  const env = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: "c1",
    CNI_IFNAME: "net1",
    CNI_NETNS: "/n",
    CNI_PATH: "/p",
    CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=p1",
    WHEREABOUTS_JOURNAL: JOURNAL,
    NODENAME: "n1",
  };
  const world = worldOf(files, env, stdin);
  const { stdout, exitCode } = await runPlugin(await readCall(world), directHost(world, loadDriver));
  assertClean(`${stdout}\n${world.lines.join("\n")}`);
  if (exitCode === 0) {
    if (stdout !== "") JSON.parse(stdout);
    return;
  }
  const error = JSON.parse(stdout);
  assert(Number.isInteger(error.code) && error.code !== 999 && error.msg !== "" && error.msg.length <= 1_001, stdout);
}

async function networksCase(chance: Chance): Promise<void> {
  const paths = ["/dev/zero", FLAT, KUBECONFIG, "/"];
  const attachments = Array.from({ length: 5 }, (_, i) => ({
    namespace: "t",
    name: `n${i}`,
    uid: `${i}`,
    config: conf(chance).replace(/"range"/, `"configuration_path":${JSON.stringify(pick(chance, ...paths))},"range"`),
  }));
  const world = worldOf({ [FLAT]: garble(`{"etcd_password":"${SECRET}"}`, chance) }, {}, "");
  const read = await readNetworks(world, attachments as never).catch((error) => {
    assert(error instanceof ConfigError, `${error}`);
    assertClean(error.message);
  });
  const { networks, faults } = read ?? { networks: [], faults: [] };
  assert(networks.length + faults.length <= 10);
  for (const { error } of faults) assertClean(String(error));
}

async function trustCase(chance: Chance, { ca, cert, key }: Certificates): Promise<void> {
  const access = {
    server: "https://127.0.0.1:1",
    namespace: "n",
    insecure: chance() < 0.3,
    source: "/kubeconfig",
    ...(chance() < 0.3 && { serverName: "kubernetes" }),
    ca: garble(ca + ca, chance),
    certificate: { cert: garble(cert, chance), key: garble(key, chance) },
  };
  try {
    using transport = connect(access);
    await transport.send(`${access.server}/`, { signal: AbortSignal.timeout(2_000) }).catch((error) =>
      assert(error instanceof Error, String(error))
    );
  } catch (error) {
    assert(error instanceof RefusedError, String(error));
    assert(
      !key.split("\n").some((line) => line.length > 20 && !line.startsWith("---") && error.message.includes(line)),
      error.message,
    );
  }
}

async function kubeconfigCase(chance: Chance, certificates: Certificates): Promise<void> {
  const text = kubeconfig("https://10.96.0.1", certificates, chance);
  const world = worldOf({ "/a": text, "/b": garble(text, chance) }, {}, "");
  for (const path of ["/a", "/b", "/a:/b"]) {
    await readAccess(world, { kubeconfig: path, client: "controller" }).then((access) => {
      assert(URL.canParse(access.server));
    }, (error) => {
      assert(error instanceof RefusedError, `${error}`);
      assertClean(error.message);
      assert.equal(error.message.length < 500, true);
    });
  }
}

async function commandCase(chance: Chance, certificates: Certificates): Promise<void> {
  await using server = hostileServer(chance);
  const world = worldOf({ "/kubeconfig": kubeconfig(server.url, certificates, () => 0) }, {}, "");
  const command = pick(
    chance,
    ["check"],
    ["check", "--json"],
    ["show"],
    ["show", "10.0.0.0/24"],
    [
      "who-has",
      "10.0.0.1",
    ],
    ["reconcile", "--dry-run", "--grace", "5"],
    ["lint", "--cluster"],
  );
  const out: string[] = [];
  const code = await runCommand([...command, "--kubeconfig", "/kubeconfig"], world, loadDriver, {
    write: (text) => void out.push(text),
    terminal: false,
    called: "whereabouts",
    ask: undefined,
    openCluster,
    readDocuments,
    writeYaml,
    inspectApi: () => Promise.resolve([]),
    platform: () => Promise.reject(new Error("none")),
    forgoPrograms: () => {},
    onUncaught: () => {},
    exit: () => {},
  });
  assert(code >= 0 && code <= 5, `${code}`);
  assertClean(out.join("") + world.lines.join("\n"));
}

const CASES: readonly (readonly [name: string, run: (chance: Chance, certificates: Certificates) => Promise<void>])[] =
  [
    ["call", callCase],
    ["call", callCase],
    ["call", callCase],
    ["networks", networksCase],
    ["trust", trustCase],
    ["kubeconfig", kubeconfigCase],
    ["command", commandCase],
  ];

/** Runs the case of a seed. Fails with the seed and the broken invariant. */
export async function runSeed(seed: number, certificates: Certificates): Promise<void> {
  const [name, run] = CASES[seed % CASES.length] ?? ["call", callCase];
  try {
    await run(makeRandom(seed), certificates);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  } catch (cause) {
    throw new Error(`Seed ${seed} (${name}): ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
