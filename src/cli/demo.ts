/**
 * `demo`: shows how addresses are assigned, with the embedded store in memory, without root, cluster or installation.
 *
 * @module
 */
import { makeCall } from "../call/call.ts";
import type { Host } from "../cni/host.ts";
import { runPlugin } from "../cni/plugin.ts";
import { loadConfig } from "../config/load.ts";
import { directIpam, poolOf } from "../ipam/ipam.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { SILENT } from "../world/log.ts";
import { type Command, defineCommand } from "./define.ts";
import { poolMap } from "./pool_map.ts";
import { rowOf } from "./pool_rows.ts";
import { allocationTable, headingOf } from "./pool_view.ts";
import type { Terminal } from "./terminal.ts";

const NETWORK = {
  cniVersion: "1.1.0",
  name: "demo",
  ipam: {
    type: "whereabouts",
    datastore: "embedded",
    database: ":memory:",
    log_level: "error",
    range: "192.168.10.0/27",
    exclude: ["192.168.10.8/29"],
    gateway: "192.168.10.30",
    exclude_gateway: true,
    ipRanges: [{ range: "fd00:10::/123" }],
    routes: [{ dst: "0.0.0.0/0" }],
  },
};

interface Step {
  readonly title: string;
  readonly verb: "ADD" | "DEL";
  readonly pod: string;
}

const STEPS: readonly Step[] = [
  { title: "ADD of three pods: each gets the lowest free address of both families", verb: "ADD", pod: "web-0" },
  { title: "", verb: "ADD", pod: "web-1" },
  { title: "", verb: "ADD", pod: "web-2" },
  {
    title: "ADD of web-1 again, as a runtime does after a lost answer: it gets the same addresses",
    verb: "ADD",
    pod: "web-1",
  },
  { title: "DEL of web-0: its addresses are released", verb: "DEL", pod: "web-0" },
  { title: "ADD of web-3: it gets the addresses of web-0", verb: "ADD", pod: "web-3" },
];

/** Draws the pools, then prints each request and answer unchanged. */
export const demo: Command = defineCommand({
  about: [
    "Show how addresses are assigned and released, with a store in memory. Needs no root, cluster or installation.",
  ],
  flags: {},
}, runSteps);

async function runSteps(terminal: Terminal): Promise<number> {
  const { print, style } = terminal;
  await using driver = await openStore(terminal);
  const host = hostOf(terminal, driver);
  const calls: string[] = [];
  for (const step of STEPS) {
    if (step.title) calls.push(`\n${style.strong(step.title)}`);
    const environment = environmentOf(step);
    const variables = Object.entries(environment).map(([name, value]) => `${name}='${value}'`).join(" ");
    const answer = await runPlugin(makeCall(environment, JSON.stringify(NETWORK)), host);
    calls.push(style.faint(`$ ${variables} whereabouts`), answer.stdout || style.good("(no output, exit code 0)"));
    if (answer.exitCode === 0) continue;
    for (const line of calls) print(line);
    return answer.exitCode;
  }
  print(`${style.strong("The pools after the calls below")}  █ used  · free  - unavailable\n`);
  await draw(terminal, driver);
  print(style.strong("The network configuration that the runtime passes on standard input:"));
  print(JSON.stringify(NETWORK, undefined, 2));
  for (const line of calls) print(line);
  return 0;
}

function environmentOf({ verb, pod }: Step): Record<string, string> {
  const ordinal = pod.at(-1) ?? "";
  return {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: `c0ffee${ordinal}`,
    CNI_IFNAME: "net1",
    CNI_NETNS: `/run/netns/${pod}`,
    CNI_PATH: "/opt/cni/bin",
    CNI_ARGS: `K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod}`,
  };
}

/** Opens the store once for all calls: it is in memory as long as it is open. */
async function openStore({ world, loadDriver }: Terminal): Promise<StorageDriver> {
  const { config } = await loadConfig(world, { conf: NETWORK });
  const open = await loadDriver(config.datastore.kind);
  return await open(config.datastore, { world, log: SILENT });
}

/** A host that leaves nothing on the machine: no journal, no lock. */
function hostOf({ world }: Terminal, driver: StorageDriver): Host {
  const unlocked = () => Promise.resolve(undefined);
  const close = () => Promise.resolve();
  return {
    world,
    open: (_config, log) =>
      Promise.resolve({ ...directIpam(driver, world, log), lockPool: unlocked, [Symbol.asyncDispose]: close }),
    journal: () => undefined,
    lock: unlocked,
    appendLog: world.appendTextFile,
    retriesPending: false,
  };
}

async function draw(terminal: Terminal, driver: StorageDriver): Promise<void> {
  const { world, print, style } = terminal;
  const options = { output: undefined, json: false, "sort-by": undefined, "no-headers": false };
  const { config } = await loadConfig(world, { conf: NETWORK });
  for (const range of config.ranges) {
    const pool = await driver.read(poolOf(config, range), new AbortController().signal);
    const row = rowOf(pool, { rangeOf: () => range }, 0, undefined);
    const map = poolMap(range, { used: pool.allocations.keys() }, style);
    for (
      const line of [...headingOf(row, terminal, false), ...map, "", ...allocationTable(terminal, options, row), ""]
    ) {
      print(line);
    }
  }
}
