import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { binary } from "../support/binary.ts";
import { EtcdServer } from "../support/etcd.ts";
import { ForwardProxy } from "../support/forward_proxy.ts";
import { type Kube, makeKube } from "../support/kube.ts";
import { Machine } from "../support/machine.ts";
import { Objects } from "../support/objects.ts";
import { answers, eventually, freePort } from "../support/process.ts";
import { type Leak, Secrets } from "../support/secrets.ts";
import { Files, FOLDER, makeNetworks, type Network, type Servers } from "./secrets_cases.ts";

const PROGRAM = await binary();
/** Between the two, all allocations are recorded. */
const [FIRST_VERBS, LAST_VERBS] = [["VERSION", "STATUS", "ADD", "CHECK"], ["GC", "DEL"]] as const;
/** Max concurrent calls. */
const LANES = 4;

/** Repeats each request in its answer, in the form that the path names. */
function echoServer(): { readonly url: string } & AsyncDisposable {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const sent = [...request.headers].map(([name, value]) => `${name}: ${value}`).join("; ");
    const status = JSON.stringify({ apiVersion: "v1", kind: "Status", message: `No: ${sent}`, code: 403 });
    const kind = new URL(request.url).pathname.split("/")[1];
    const headers = { warning: `299 - "${sent.replaceAll('"', "")}"` };
    if (kind === "status") return new Response(status, { status: 403, headers });
    if (kind === "error") return new Response(status, { status: 500, headers });
    if (kind === "object") {
      return new Response(JSON.stringify({ kind: sent, items: [{ metadata: { name: sent } }] }), { headers });
    }
    return new Response(kind === "json" ? `{"sent": ${sent}` : `<p>${sent}</p>`, { status: 502, headers });
  });
  return { url: `http://127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** A token of a service account that is an administrator. */
async function tokenFor(kube: Kube): Promise<string> {
  await kube.kubectl("create", "serviceaccount", "secretive");
  const name = `${kube.namespace}-secretive`;
  await kube.kubectl(
    "create",
    "clusterrolebinding",
    name,
    "--clusterrole=cluster-admin",
    `--serviceaccount=${kube.namespace}:secretive`,
  );
  return (await kube.kubectl("create", "token", "secretive")).trim();
}

/** All output, and the secrets found in it. */
class Written {
  /** Calls that succeeded where they should fail, or failed where they should succeed: they prove nothing. */
  readonly odd: string[] = [];
  readonly leaks: Leak[] = [];
  readonly #secrets: Secrets;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  search(where: string, ...texts: string[]): void {
    for (const text of texts) this.leaks.push(...this.#secrets.search(where, text));
  }

  /** Searches every archive of `sysdump`, and deletes it. */
  async archives(machine: Machine): Promise<number> {
    const folder = machine.path("/var/log");
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".tar.gz"));
    for (const name of names) {
      this.search(name, new TextDecoder("latin1").decode(gunzipSync(await Deno.readFile(`${folder}/${name}`))));
      await Deno.remove(`${folder}/${name}`);
    }
    return names.length;
  }

  async files(machine: Machine): Promise<void> {
    for (const path of ["/var/lib", "/run", "/var/log"]) {
      this.leaks.push(...await this.#secrets.searchFolder(machine.path(path), path));
    }
    this.leaks.push(...await this.#secrets.searchFolder(machine.folder, "output"));
  }
}

async function inLanes(work: readonly (() => Promise<void>)[]): Promise<void> {
  const waiting = [...work];
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await next();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function callAll(machine: Machine, networks: readonly Network[], written: Written, agent: string): Promise<void> {
  const call = async ({ name, ipam, works, waits, env = {} }: Network, verb: string, i: number) => {
    const text = JSON.stringify({
      cniVersion: "1.1.0",
      name: `net-${i}`,
      ipam,
      prevResult: { cniVersion: "1.1.0", ips: [{ address: `10.${i}.0.1/24` }] },
      "cni.dev/valid-attachments": [],
    });
    const { code, stdout, stderr } = await machine.run([PROGRAM], {
      env: {
        ...env,
        CNI_COMMAND: verb,
        CNI_CONTAINERID: `${agent}${i}${waits ? verb : ""}`, // calls that wait run concurrently
        CNI_IFNAME: "net1",
        CNI_NETNS: "/run/netns/none",
        CNI_PATH: "/opt/cni/bin",
        CNI_ARGS: `K8S_POD_NAMESPACE=default;K8S_POD_NAME=${agent}${i}`,
        WHEREABOUTS_AGENT_SOCKET: agent === "direct" ? "off" : "",
      },
      stdin: text,
    });
    written.search(`${verb} of ${name}, ${agent}`, stdout, stderr);
    if (verb === "ADD" && (code === 0) !== (works === true)) written.odd.push(`${name}, ${agent}: ${stdout} ${stderr}`);
  };
  const all = (verbs: readonly string[], those: readonly Network[]) =>
    those.map((network) => async () => {
      for (const verb of verbs) await call(network, verb, networks.indexOf(network));
    });
  // the agent has its own environment
  const called = networks.filter(({ env, works }) => agent === "direct" || env === undefined || works);
  const quick = called.filter(({ waits }) => !waits);
  const slow = called.filter(({ waits }) => waits);
  await inLanes(all(FIRST_VERBS, quick));
  await inLanes(all(["STATUS"], slow));
  await written.files(machine);
  await inLanes(all(LAST_VERBS, quick));
  if (agent === "direct") await Promise.all([...all(["ADD"], slow), ...all(["DEL"], slow)].map((work) => work()));
  await written.files(machine);
}

/** Runs each command on the store of each network. */
async function commandAll(
  machine: Machine,
  files: Files,
  networks: readonly Network[],
  written: Written,
): Promise<void> {
  const known = (await machine.run([PROGRAM, "--help"])).stdout.split("\n").map((line) =>
    /^ {2}([a-z-]+) /.exec(line)?.[1]
  );
  const ran = new Set<string>();
  const work = networks.flatMap(({ name, ipam, env = {}, works, waits }, i) => {
    const { kubeconfig } = (ipam.kubernetes ?? {}) as { readonly kubeconfig?: string };
    const store = kubeconfig === undefined
      ? ["--config", files.write(`command-${i}`, JSON.stringify(ipam))]
      : ["--kubeconfig", kubeconfig];
    const pods = ["--pods", files.write("pods", "")];
    const commands: readonly string[][] = [
      ["show", "--map", ...store],
      ["check", ...store],
      ["reconcile", "--json", ...store, ...(kubeconfig === undefined ? pods : [])],
      ["who-has", `10.${i}.0.1`, ...store],
      ["release", `10.${i}.0.1`, "--yes", "--force", ...store],
      ["migrate", "etcd", ...store],
      ["resize", `10.${i}.0.0/24`, `10.${i}.0.0/23`, "--dry-run", ...store],
      ["sysdump", "--output", `/var/log/sysdump-${i}.tar.gz`, ...store],
      ["ui", "--html", `/var/lib/page-${i}.html`, ...store],
      ["lint", files.write(`definition-${i}`, JSON.stringify({ name: `net-${i}`, type: "macvlan", ipam }))],
      // sysdump runs these for all others
      ...(works
        ? [["claims", ...store], ["status", ...store], ["slices", ...store], ["top", ...store], [
          "plan",
          `10.${i}.0.0/24`,
          ...store,
        ]]
        : []),
      ...(kubeconfig === undefined ? [] : [["lint", "--cluster", ...store]]),
      ...(works || kubeconfig === undefined ? [] : [["controller", ...store]]),
    ];
    return commands.slice(0, waits ? 2 : commands.length).map((command) => async () => {
      ran.add(command[0] ?? "");
      const limit = command[0] === "controller" ? ["timeout", "5"] : []; // a controller that is refused may keep retrying
      const { stdout, stderr } = await machine.run([...limit, PROGRAM, ...command], { env });
      written.search(`${command.join(" ")} (${name})`, stdout, stderr);
    });
  });
  await inLanes(work);
  assert(await written.archives(machine) > 10, "archives of sysdump");
  for (
    const command of [["demo"], ["version"], ["history"], ["completion", "bash"], ["agent", "--probe"], [
      "install",
      "--check",
    ]]
  ) {
    ran.add(command[0] ?? "");
    const { stdout, stderr } = await machine.run([PROGRAM, ...command]);
    written.search(command.join(" "), stdout, stderr);
  }
  assert.deepEqual(known.filter((name) => name !== undefined && !ran.has(name)), [], "commands that did not run");
}

/** Runs the installer with valid and invalid credentials, and an operator's flat file with a password. */
async function installAll(
  machine: Machine,
  files: Files,
  secrets: Secrets,
  { kube, token, etcd }: Servers,
  written: Written,
) {
  const { hostname, port } = new URL(kube.url);
  const ca = Deno.readTextFileSync(`${kube.folder}/ca.crt`);
  const password = (one: string) => JSON.stringify({ etcd_host: etcd.url, etcd_username: "root", etcd_password: one });
  const cases: readonly (readonly [string, string, Record<string, string>])[] = [
    [token, password(etcd.password), {}],
    [secrets.plant("service account's token"), "{}", {}],
    [`${secrets.plant("service account's token with blanks")} x`, "{}", {}],
    [token, `{"etcd_password": "${secrets.plant("ConfigMap that is no JSON")}`, {}],
    [token, JSON.stringify({ etcd_password: [secrets.plant("ConfigMap of another type")] }), {}],
    [token, "{}", { KUBERNETES_SERVICE_HOST: `u:${secrets.plant("KUBERNETES_SERVICE_HOST")}@h` }],
    [token, "{}", { HTTPS_PROXY: `ftp://u:${secrets.plant("HTTPS_PROXY of the installer")}@h` }],
  ];
  for (const [i, [given, flat, more]] of cases.entries()) {
    const account = `${FOLDER}/account-${i}`;
    for (const folder of [account, `${account}/bin`, `${account}/net.d`]) Deno.mkdirSync(machine.path(folder));
    files.write(`account-${i}/token`, given);
    files.write(`account-${i}/ca.crt`, ca);
    const env = {
      SERVICE_ACCOUNT_PATH: account,
      CNI_BIN_DIR: `${account}/bin`,
      CNI_CONF_DIR: `${account}/net.d`,
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      WHEREABOUTS_NAMESPACE: kube.namespace,
      WHEREABOUTS_FLAT_FILE: files.write(`account-${i}/flat`, flat),
      ...more,
    };
    for (const flags of [["--check"], ["--once"], ["--check"], ["--uninstall"]]) {
      const { stdout, stderr } = await machine.run([PROGRAM, "install", ...flags], { env });
      written.search(`install ${flags} ${i}`, stdout, stderr);
    }
  }
}

/** Runs a controller that reads all networks from the cluster. */
async function control(machine: Machine, kube: Kube, networks: readonly Network[], written: Written): Promise<void> {
  using objects = new Objects(kube);
  await objects.installAttachments();
  for (const [i, { ipam }] of networks.entries()) {
    await objects.attachment(`net-${i}`, { cniVersion: "1.1.0", name: `net-${i}`, type: "macvlan", ipam });
  }
  await objects.attachment("no-json", `{"ipam": ${JSON.stringify(networks[0]?.ipam)}`);
  const port = freePort();
  const flags = `--namespace ${kube.namespace} --lease-namespace ${kube.namespace} --http-address 127.0.0.1:${port}`;
  const command = [PROGRAM, "controller", "--kubeconfig", `${FOLDER}/good.kubeconfig`, ...flags.split(" ")];
  await using controller = machine.server(command);
  await controller.ready("the controller", () => answers(`http://127.0.0.1:${port}/readyz`));
  const metrics = () => fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text());
  await eventually("a sweep", async () => /^whereabouts_sweeps_total\S* [1-9]/m.test(await metrics()));
  written.search("the controller's metrics", await metrics());
  const dump = ["sysdump", "--output", "/var/log/all.tar.gz", "--kubeconfig", `${FOLDER}/good.kubeconfig`];
  const { code, stdout, stderr } = await machine.run([PROGRAM, ...dump]);
  written.search("sysdump of all networks", stdout, stderr);
  assert.deepEqual([code, await written.archives(machine)], [0, 1], stderr);
  await objects.clean();
}

/** Calls the plugin for networks that name no store, with flat files, valid and invalid. */
async function callWithFlatFiles(
  machine: Machine,
  files: Files,
  secrets: Secrets,
  { etcd }: Servers,
  written: Written,
) {
  Deno.mkdirSync(machine.path(`${FOLDER}/whereabouts.d`));
  const login = (password: unknown) =>
    JSON.stringify({ etcd_host: etcd.url, etcd_username: "root", etcd_password: password });
  const flats = [
    login(etcd.password),
    login(secrets.plant("flat etcd_password, wrong")),
    login([secrets.plant("flat etcd_password, list")]),
    `{"etcd_password": "${secrets.plant("flat file, no JSON")}"`,
    JSON.stringify({ kubernetes: secrets.plant("flat file, kubernetes") }),
  ];
  for (const [i, flat] of flats.entries()) {
    files.write("whereabouts.d/whereabouts.conf", flat);
    const network: Network = {
      name: `flat ${i}`,
      ipam: { type: "whereabouts", range: `10.200.${i}.0/24` },
      ...(i === 0 && { works: true }),
    };
    for (const agent of ["direct", "agent"]) await callAll(machine, [network], written, agent);
  }
  await Deno.remove(machine.path(`${FOLDER}/whereabouts.d/whereabouts.conf`));
}

Deno.test("plugin, agent, controller and commands write no secret, whether they fail or succeed", async () => {
  const secrets = new Secrets();
  const written = new Written(secrets);
  await using kube = await makeKube();
  await using machine = await new Machine({ folders: [FOLDER] }).ready();
  const password = secrets.plant("etcd_password");
  await using etcd = await EtcdServer.start({ password });
  await using proxy = new ForwardProxy();
  await using echo = echoServer();
  const token = await tokenFor(kube);
  secrets.add("token", token.split(".")[2] ?? "");
  secrets.add("client key", (await Deno.readTextFile(`${kube.folder}/admin.key`)).split("\n")[2] ?? "");
  const servers: Servers = { kube, token, proxy: proxy.host, etcd: { url: etcd.url, password }, echo: echo.url };
  const files = new Files(machine, kube);
  const networks = makeNetworks(files, secrets, servers);
  const port = freePort();
  const env = { HTTPS_PROXY: `http://u:${secrets.plant("HTTPS_PROXY of the agent")}@${proxy.host}` };
  await using agent = machine.server(
    [PROGRAM, "agent", "--http-address", `127.0.0.1:${port}`, "--log-level", "debug"],
    env,
  );
  await agent.ready("the agent", () => answers(`http://127.0.0.1:${port}/readyz`));
  for (const way of ["direct", "agent"]) await callAll(machine, networks, written, way);
  await commandAll(machine, files, networks, written);
  await installAll(machine, files, secrets, servers, written);
  await control(machine, kube, networks, written);
  await callWithFlatFiles(machine, files, secrets, servers, written);
  written.search("the agent's metrics", await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  assert.equal(agent.ended, false);
  await written.files(machine);
  const kinds = ["ippools", "overlappingrangeipreservations", "nodeslicepools", "leases", "events"];
  written.search("objects", await kube.kubectl("get", kinds.join(","), "-o", "json"));
  written.search("etcd", await etcd.ctl("dump"));
  assert.deepEqual(written.leaks, []);
  assert.deepEqual(written.odd, []);
});
