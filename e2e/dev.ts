// deno-lint-ignore-file no-console -- a command prints its result
/**
 * A cluster for development that stays: the cluster of the e2e tests, held by a process in the background.
 *
 * `deno task cluster up [--nodes N]` starts it, `down` stops it and leaves nothing, `status` shows it. `WHEREABOUTS_CLUSTER` is its folder;
 * another folder is another cluster.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { assets, cacheFolder } from "../tests/support/assets.ts";
import { prepareMachine } from "../tests/support/preflight.ts";
import { eventually, isThere, must, run, Server } from "../tests/support/process.ts";
import { MAX_NODES, removeCluster, startCluster } from "./cluster.ts";
import { API_PORT, inside, namesOf, SERVICE_IP } from "./network.ts";
import { relay } from "./relay.ts";
import { ended } from "./supervised.ts";

const FOLDER = Deno.env.get("WHEREABOUTS_CLUSTER") ?? `${cacheFolder()}/cluster`;
const STATE = `${FOLDER}/state`;
const LOG = `${FOLDER}/log`;
const PID = `${FOLDER}/pid`;
/** Kubeconfig for programs on this machine. It exists while the cluster serves. */
const KUBECONFIG = `${FOLDER}/kubeconfig`;
const USAGE = "Usage: deno task cluster up [--nodes N] | down | status";
/** A cluster is up after a minute on an idle machine, if nothing has to be built; a build of Kubernetes takes ten. */
const UP_TIMEOUT = 3_600_000;
const DOWN_TIMEOUT = 300_000;
/** Milliseconds in which a process has started its program. It takes microseconds; what has no command longer is a zombie. */
const EXEC_TIMEOUT = 2_000;

/** Starts the holder in a session of its own, and shows its log until the cluster serves. */
async function up(nodes: number): Promise<void> {
  if (await holder() !== undefined) throw new Error(`The cluster is up already: export KUBECONFIG=${KUBECONFIG}`);
  await prepareMachine("e2e");
  await removeAll();
  await Deno.mkdir(FOLDER, { recursive: true });
  const hold = [Deno.execPath(), "run", "-A", import.meta.filename ?? "", "hold", "--nodes", String(nodes)];
  await must(["sh", "-c", 'setsid "$@" >"$0" 2>&1 & echo $! >"$0.pid"', LOG, ...hold], {
    env: { WHEREABOUTS_CLUSTER: FOLDER },
  });
  await Deno.rename(`${LOG}.pid`, PID);
  let shown = 0;
  await eventually("The cluster", async () => {
    const log = await Deno.readTextFile(LOG).catch(() => "");
    if (log.length > shown) console.error(log.slice(shown).trimEnd());
    shown = Math.max(shown, log.length);
    if (await isThere(KUBECONFIG)) return true;
    if (await holder() === undefined) throw new Error(`The cluster did not start; its log is ${LOG}`);
  }, UP_TIMEOUT);
  console.log(`export KUBECONFIG=${KUBECONFIG}`);
}

/** Ends the holder, which removes the cluster; removes what a killed holder left. */
async function down(): Promise<void> {
  const pid = await holder();
  if (pid !== undefined) {
    console.error("cluster: stopping");
    Deno.kill(pid, "SIGTERM");
    await ended(pid, DOWN_TIMEOUT);
  }
  await removeAll();
  console.log("The cluster is down");
}

async function status(): Promise<number> {
  if (await holder() === undefined || !await isThere(KUBECONFIG)) {
    console.log("The cluster is down: deno task cluster up");
    return 1;
  }
  const kubectl = `${await assets("controlPlane")}/kubectl`;
  console.log(`export KUBECONFIG=${KUBECONFIG}\nkubectl: ${kubectl}\n`);
  const { code, stdout, stderr } = await run([
    kubectl,
    `--kubeconfig=${KUBECONFIG}`,
    "get",
    "nodes,pods",
    "--all-namespaces",
  ]);
  console.log(stdout || stderr);
  return code;
}

/** Holds a cluster until SIGTERM or SIGINT. */
async function hold(nodes: number): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => resolve());
  });
  await using cluster = await startCluster({
    nodes,
    state: STATE,
    report: (text) => console.error(`cluster: ${text}`),
  });
  const { plane } = namesOf((await Deno.readTextFile(`${cluster.state}/prefix`)).trim());
  const socket = `${cluster.state}/relay.sock`;
  const program = [
    Deno.execPath(),
    "run",
    "-A",
    new URL("relay.ts", import.meta.url).pathname,
    socket,
    String(API_PORT),
  ];
  await using inner = new Server(inside(plane, program), `${cluster.state}/relay.log`);
  await inner.ready("the relay", () => isThere(socket));
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  relay(listener, () => Deno.connect({ transport: "unix", path: socket })).catch(() => {});
  const config = await Deno.readTextFile(`${cluster.state}/admin.kubeconfig`);
  const url = config.replace(`${SERVICE_IP}:${API_PORT}`, `127.0.0.1:${listener.addr.port}`);
  await Deno.writeTextFile(`${KUBECONFIG}.new`, url, { mode: 0o600 });
  await Deno.rename(`${KUBECONFIG}.new`, KUBECONFIG);
  await stopped;
  await Deno.remove(KUBECONFIG);
}

/** The process that holds the cluster. Undefined: none runs; a process id is of another program where the holder's command is missing. */
async function holder(): Promise<number | undefined> {
  const pid = Number(await Deno.readTextFile(PID).catch(() => "0"));
  const command = pid > 0 ? await commandOf(pid) : "";
  return command.includes(`${import.meta.filename}\0hold`) ? pid : undefined;
}

/** The command of a process; empty if it ended. While a process starts a program, it has none for a moment. */
async function commandOf(pid: number): Promise<string> {
  let command = "";
  const isKnown = async () => {
    const read = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => undefined);
    command = read ?? "";
    return read !== "";
  };
  await eventually("The command of the process", isKnown, EXEC_TIMEOUT).catch(() => {});
  return command;
}

async function removeAll(): Promise<void> {
  if (await isThere(STATE)) await removeCluster(STATE);
  await Deno.remove(FOLDER, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { nodes: { type: "string", default: "2" } },
    allowPositionals: true,
  });
  const nodes = Number(values.nodes);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODES) {
    throw new RangeError(`--nodes ${JSON.stringify(values.nodes)}: expected a number from 1 to ${MAX_NODES}`);
  }
  const [command, ...more] = positionals;
  if (more.length > 0) throw new RangeError(`Unexpected argument ${JSON.stringify(more[0])}\n${USAGE}`);
  if (command === "up") await up(nodes);
  else if (command === "down") await down();
  else if (command === "status") return await status();
  else if (command === "hold") await hold(nodes);
  else throw new RangeError(USAGE);
  return 0;
}

if (import.meta.main) {
  const code = await main(Deno.args).catch((error) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  });
  Deno.exit(code);
}
