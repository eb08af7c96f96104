import assert from "node:assert/strict";
import { CODES } from "../../src/cni/error.ts";
import { binary } from "../support/binary.ts";
import { type Kube, kubeconfigOf, makeKube } from "../support/kube.ts";
import { Machine } from "../support/machine.ts";
import { Objects } from "../support/objects.ts";
import { answers, eventually, type Finished, freePort } from "../support/process.ts";
import { Secrets } from "../support/secrets.ts";
import { sqlite } from "../drivers/embedded/files.ts";
import { type Attempt, attempts, VICTIM } from "./tenant_cases.ts";

const PROGRAM = await binary();
const NET_D = "/etc/cni/net.d";
/** Max concurrent calls. */
const LANES = 4;
/** Characters of an error object: message and details have 1,000 each, and escapes. */
const MAX_ERROR_LENGTH = 5_000;
/** Codes of errors, except that of unforeseen errors. */
const KNOWN_CODES: ReadonlySet<number> = new Set(Object.values(CODES).filter((code) => code !== CODES.internal));

/** A server that accepts connections, never answers, and records what it receives. */
class Trap implements Disposable {
  received = "";
  readonly #listener: Deno.Listener;
  readonly #open: Deno.Conn[] = [];

  constructor(listener: Deno.Listener) {
    this.#listener = listener;
    void this.#accept().catch(() => {});
  }

  /** `HOST:PORT` of a TCP server. */
  get address(): string {
    const { addr } = this.#listener;
    return addr.transport === "tcp" ? `127.0.0.1:${addr.port}` : "";
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const connection of this.#open) connection.close();
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.received += "connected\n";
      this.#open.push(connection);
      void this.#receive(connection).catch(() => {});
    }
  }

  async #receive(connection: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      this.received += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
  }
}

/** Writes files that are not the tenant's, and an operator's flat file with a password. */
async function furnish(machine: Machine, kube: Kube, secrets: Secrets): Promise<void> {
  const write = (path: string, text: string) => Deno.writeTextFile(machine.path(path), text, { mode: 0o600 });
  const { clusters, ...rest } = kubeconfigOf(kube, { token: kube.token }, kube.namespace);
  void clusters;
  const ca = btoa(await Deno.readTextFile(`${kube.folder}/ca.crt`));
  const cluster = { server: kube.url, "certificate-authority-data": ca };
  await write(`${NET_D}/kubeconfig`, JSON.stringify({ ...rest, clusters: [{ name: "local", cluster }] }));
  const flat = {
    datastore: "kubernetes",
    kubernetes: { kubeconfig: `${NET_D}/kubeconfig` },
    etcd_username: "root",
    etcd_password: secrets.plant("the operator's etcd_password"),
  };
  await write(`${NET_D}/whereabouts.d/whereabouts.conf`, JSON.stringify(flat));
  // another file of the folder, with members that would help a tenant
  const other = {
    allow_paths: ["/"],
    agent_socket: "/run/trap.sock",
    sleep_for_race: 9e9,
    log_file: `${VICTIM}/new`,
    database: `${VICTIM}/new`,
  };
  await write(`${NET_D}/other.conf`, JSON.stringify(other));
  await write(
    `${VICTIM}/secret.json`,
    JSON.stringify({ etcd_password: secrets.plant("a file"), range: secrets.plant("a range") }),
  );
  await sqlite("CREATE TABLE users (name TEXT)")(`${machine.folder}/database`);
  await Deno.copyFile(`${machine.folder}/database`, machine.path(`${VICTIM}/database`));
  for (const folder of [VICTIM, NET_D, "/var/log", "/var/lib/cni/whereabouts"]) {
    await machine.must(["mkfifo", `${folder}/fifo`]);
    await machine.must(["ln", "-s", "/dev/zero", `${folder}/zero`]);
    if (folder !== VICTIM) await machine.must(["ln", "-s", VICTIM, `${folder}/link`]);
  }
}

/** State of all files that a tenant must not change, as text. */
function protectedFiles(machine: Machine): Promise<string> {
  return machine.must(["find", VICTIM, "/etc/cni", "/run/others", "-printf", "%p %y %m %s %T@ %i\\n"]);
}

/**
 * Calls the plugin for each attempt, directly and through the agent.
 *
 * @returns the number of successful ADDs
 */
async function callAll(machine: Machine, all: readonly Attempt[], secrets: Secrets): Promise<number> {
  let added = 0;
  const faults: string[] = [];
  const call = async (attempt: Attempt, i: number, way: string, verb: string) => {
    const { code, stdout, stderr } = await machine.run([PROGRAM], {
      env: {
        CNI_COMMAND: verb,
        CNI_CONTAINERID: `${way}${i}`,
        CNI_IFNAME: "net1",
        CNI_NETNS: "/run/netns/none",
        CNI_PATH: "/opt/cni/bin",
        CNI_ARGS: `K8S_POD_NAMESPACE=default;K8S_POD_NAME=${way}${i}`,
        WHEREABOUTS_AGENT_SOCKET: way === "direct" ? "off" : "",
      },
      stdin: JSON.stringify(confOf(attempt, i)),
    });
    const fault = faultOf(verb, { code, stdout, stderr }, secrets);
    if (fault) {
      const shown = [JSON.stringify(attempt.ipam), stdout, stderr].map((text) => text.slice(0, 300)).join(" ");
      faults.push(`${fault}: ${verb} ${way} ${shown}`);
    }
    if (code === 0 && verb === "ADD") added++;
  };
  const work = all.flatMap((attempt, i) =>
    ["direct", "agent"].map((way) => async () => {
      await call(attempt, i, way, "ADD");
      if (!attempt.waits && way === "direct") await call(attempt, i, way, "DEL");
    })
  );
  const waiting = work.filter((_, i) => all[i >> 1]?.waits);
  const quick = work.filter((one) => !waiting.includes(one));
  const lane = async () => {
    for (let next = quick.shift(); next; next = quick.shift()) await next();
  };
  await Promise.all([...Array.from({ length: LANES }, lane), ...waiting.map((one) => one())]);
  assert.deepEqual(faults, []);
  return added;
}

/** What is wrong with an answer: a result, or a bounded error with a known code, is right. */
function faultOf(verb: string, { code, stdout, stderr }: Finished, secrets: Secrets): string | undefined {
  if (secrets.search("", stdout + stderr).length > 0) return "the output holds a secret";
  if (/panicked|\n\s+at /.test(stdout + stderr)) return "the output holds a panic or a stack trace";
  if (/^2026-01-01/m.test(stderr)) return "the output holds a forged log line";
  if (code === 0 && verb === "DEL") return stdout === "" ? undefined : "a DEL has an answer";
  const answer = JSON.parse(stdout);
  if (code === 0) return answer.ips.length > 0 ? undefined : "no address";
  if (stdout.length > MAX_ERROR_LENGTH) return "the error is too long";
  return code === 1 && KNOWN_CODES.has(answer.code) ? undefined : `an unforeseen error (exit code ${code})`;
}

function confOf({ ipam }: Attempt, i: number) {
  const own = { type: "whereabouts", range: `10.${100 + (i >> 8)}.${i & 255}.0/24` };
  return { cniVersion: "1.0.0", name: `net-${i}`, ipam: { ...own, ...ipam } };
}

/** Runs a controller that reads all attempts as networks. */
async function control(machine: Machine, kube: Kube, all: readonly Attempt[], secrets: Secrets): Promise<void> {
  using objects = new Objects(kube);
  await objects.installAttachments();
  for (const [i, attempt] of all.entries()) {
    await objects.attachment(`net-${i}`, { ...confOf(attempt, i), type: "macvlan" });
  }
  const port = freePort();
  const flags = `--namespace ${kube.namespace} --lease-namespace ${kube.namespace} --http-address 127.0.0.1:${port}`;
  const command = [PROGRAM, "controller", "--kubeconfig", `${NET_D}/kubeconfig`, ...flags.split(" ")];
  await using controller = machine.server(command);
  await controller.ready("the controller", () => answers(`http://127.0.0.1:${port}/readyz`));
  const metrics = () => fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text());
  await eventually("a sweep", async () => /^whereabouts_sweeps_total\S* [1-9]/m.test(await metrics()), 300_000);
  assert.equal(controller.ended, false);
  assert.deepEqual(secrets.search("events", await kube.kubectl("get", "events", "-o", "json")), []);
  await objects.clean();
}

Deno.test("no setting lets the author of a network read or write files, delay, crash or redirect others, or steal credentials", async () => {
  const secrets = new Secrets();
  await using kube = await makeKube();
  const folders = [VICTIM, `${NET_D}/whereabouts.d`, "/var/lib/cni/whereabouts", "/run/others"];
  await using machine = await new Machine({ folders }).ready();
  await furnish(machine, kube, secrets);
  secrets.add("the operator's token", kube.token);
  using server = new Trap(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const address = server.address;
  using socket = new Trap(Deno.listen({ transport: "unix", path: machine.path("/run/trap.sock") }));
  const all = attempts({ server: address, socket: "/run/trap.sock" });
  const before = await protectedFiles(machine);
  const port = freePort();
  await using agent = machine.server([PROGRAM, "agent", "--http-address", `127.0.0.1:${port}`]);
  await agent.ready("the agent", () => answers(`http://127.0.0.1:${port}/readyz`));
  const added = await callAll(machine, all, secrets);
  assert(added > all.length / 10, `only ${added} of ${all.length} ADDs succeeded: the others prove little`);
  await control(machine, kube, all, secrets);
  assert.equal(await protectedFiles(machine), before);
  assert.equal(socket.received, "", "the plugin connected to the tenant's socket");
  assert.deepEqual(secrets.search("the tenant's server", server.received), []);
  for (const path of ["/var/lib", "/var/log", "/run"]) {
    const found = (await secrets.searchFolder(machine.path(path), path)).filter(({ where }) =>
      !where.startsWith(VICTIM)
    );
    assert.deepEqual(found, []);
  }
  assert.equal(agent.ended, false);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const served = (text: string) =>
    [...text.matchAll(/^whereabouts_agent_requests_total\{verb="ADD",outcome="success".*\} (\d+)$/gm)]
      .reduce((sum, [, count]) => sum + Number(count), 0);
  assert(served(metrics) > 0, metrics);
  const good = { ipam: { range: "10.99.0.0/24" } };
  assert.equal(await callAll(machine, [good], secrets), 2);
  const after = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.equal(served(after), served(metrics) + 1, "the agent no longer serves another network");
});
