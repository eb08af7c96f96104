/**
 * `install`: installs the plugin on this node. With `--agent` it is the main process of the DaemonSet.
 *
 * @module
 */
import { installedPaths } from "../install/files.ts";
import { install as installFiles, keepInstalled, uninstall } from "../install/install.ts";
import { inspectNode } from "../install/node_check.ts";
import { type Finding, nodeLocalFindings, preflight } from "../install/preflight.ts";
import { type InstallSettings, readSettings } from "../install/settings.ts";
import { aborted } from "../async/abort.ts";
import { DATA_FOLDER } from "../paths.ts";
import { makeLogger } from "../world/log.ts";
import { AGENT_FLAGS, serve } from "./agent.ts";
import { type Command, defineCommand, type Flags, type Values } from "./define.ts";
import { parseServerFlags } from "./server.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Milliseconds to wait for the agent of a force-deleted pod to end. The new pod starts while the old agent runs; if it exited instead, the
 * kubelet would restart it with growing delays.
 */
const PREDECESSOR_TIMEOUT = 30_000;

const FLAGS = {
  agent: { type: "boolean", help: "Also run the node agent, as in the DaemonSet" },
  check: {
    type: "boolean",
    help: "Check this node, or in a pod what an installation needs; change nothing",
  },
  once: { type: "boolean", help: "Exit after installing, instead of keeping the files up to date" },
  uninstall: { type: "boolean", help: "Remove the installed files; keep addresses" },
  "bin-dir": { type: "string", value: "DIR", help: "Folder of CNI plugins; else CNI_BIN_DIR" },
  "conf-dir": { type: "string", value: "DIR", help: "Folder of CNI configurations; else CNI_CONF_DIR" },
  "host-conf-dir": { type: "string", value: "DIR", help: "Path of --conf-dir on the host; else HOST_CNI_CONF_DIR" },
  kubeconfig: {
    type: "string",
    value: "FILE",
    help: "Cluster for --check; else KUBECONFIG, else that of the plugin or of this pod",
  },
  namespace: {
    type: "string",
    value: "NAME",
    short: "n",
    help: "Namespace of the IPPools; else WHEREABOUTS_NAMESPACE",
  },
  "flat-file": {
    type: "string",
    value: "FILE",
    help: "File with fields for the flat file; else WHEREABOUTS_FLAT_FILE",
  },
  "node-name": { type: "string", value: "NAME", help: "Name of this node; else NODENAME" },
  json: { type: "boolean", help: "Print the result of --check as JSON" },
  ...AGENT_FLAGS,
} as const satisfies Flags;

/** Installs, checks or uninstalls. */
export const install: Command = defineCommand({
  about: [
    "Install the plugin, its kubeconfig and its flat file on this node, and keep them up to date until stopped.",
  ],
  flags: FLAGS,
  exits: { 1: "The command failed, or --check found a problem" },
}, async (terminal, values) => {
  const { world } = terminal;
  const settings = readSettings((name) => world.env(name), {
    binFolder: values["bin-dir"],
    confFolder: values["conf-dir"],
    hostConfFolder: values["host-conf-dir"],
    namespace: values.namespace,
    nodeName: values["node-name"],
    flatFile: values["flat-file"],
  });
  if (values.check) return await check(terminal, settings, values);
  if (values.uninstall) return await remove(terminal, settings);
  return await keep(terminal, settings, values);
});

async function check(
  { world, print, style, inspectApi }: Terminal,
  settings: InstallSettings,
  { kubeconfig: flag, json, "bin-dir": bin, "conf-dir": conf }: Values<typeof FLAGS>,
): Promise<number> {
  const chosen = flag ?? (world.env("KUBECONFIG") || undefined);
  // outside of a pod this is the node itself
  const node = settings.server === undefined
    ? await inspectNode(world, { bin: bin ?? world.env("CNI_BIN_DIR"), conf: conf ?? world.env("CNI_CONF_DIR") })
    : undefined;
  const kubeconfig = chosen ?? node?.kubeconfig;
  const api = () => node && kubeconfig === undefined ? Promise.resolve([]) : inspectApi(world, kubeconfig);
  const findings = node
    ? [...node.findings, ...await api(), ...await nodeLocalFindings(world)]
    : await preflight(world, settings, api);
  const rows = findings.map((one) => [stateOf(one), one.what, one.problem ?? ""]);
  if (json) print(JSON.stringify(findings, undefined, 2));
  else table(["STATE", "CHECK", "PROBLEM"], rows, style).forEach(print);
  return findings.some((one) => stateOf(one) === "MISSING") ? 1 : 0;
}

function stateOf({ problem, warning }: Finding): "ok" | "WARNING" | "MISSING" {
  if (problem === undefined) return "ok";
  return warning ? "WARNING" : "MISSING";
}

/** Uninstalls. With `SLEEP=true` it then waits for a signal, since the pod of a DaemonSet would be restarted. */
async function remove({ world, print, platform }: Terminal, settings: InstallSettings): Promise<number> {
  const removed = await uninstall(world, settings);
  for (const path of removed) print(`Removed ${path}`);
  if (removed.length === 0) print(`Nothing to remove: found none of ${installedPaths(settings).join(", ")}`);
  print(`Kept addresses in the store, and the journal of this node in ${DATA_FOLDER}`);
  if (world.env("SLEEP") === "true") await aborted((await platform()).stopSignal());
  return 0;
}

/** Installs, and keeps the files up to date unless disabled. With an agent, ends when the agent ends. */
async function keep(terminal: Terminal, settings: InstallSettings, values: Values<typeof FLAGS>): Promise<number> {
  const { world } = terminal;
  const log = makeLogger(world, parseServerFlags(values).log);
  const platform = await terminal.platform();
  const written = await installFiles(world, platform, settings, log);
  if (values.once || (world.env("SLEEP") === "false" && !values.agent)) return 0;
  const ended = new AbortController();
  const signal = AbortSignal.any([platform.stopSignal(), ended.signal]);
  const keeping = keepInstalled(world, platform, settings, log, written, signal);
  try {
    if (values.agent) return await serve(terminal, values, PREDECESSOR_TIMEOUT);
    await keeping;
    return 0;
  } finally {
    ended.abort();
    await keeping;
  }
}
