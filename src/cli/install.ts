/**
 * `install`: puts the plugin on this node. With `--agent` it is the main process of the DaemonSet.
 *
 * @module
 */
import { installedPaths } from "../install/files.ts";
import { install as installFiles, keepInstalled, uninstall } from "../install/install.ts";
import { inspectNode } from "../install/node_check.ts";
import { type Finding, nodeLocalFindings, preflight } from "../install/preflight.ts";
import { type InstallSettings, readSettings } from "../install/settings.ts";
import { aborted } from "../async/abort.ts";
import { DATA_FOLDER } from "../world/world.ts";
import { makeLogger } from "../world/log.ts";
import { AGENT_FLAGS, serve } from "./agent.ts";
import { type Command, defineCommand, type Flags, type Values } from "./define.ts";
import { parseServerFlags } from "./server.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Milliseconds for the agent of a pod that was deleted by force to go. The new pod is started beside it, and one that ended for its sake
 * would be started again later and later.
 */
const PREDECESSOR_TIMEOUT = 30_000;

const FLAGS = {
  agent: { type: "boolean", help: "Be the node's agent too, as the DaemonSet's main process is" },
  check: {
    type: "boolean",
    help: "List what is missing, in a pod for an installation, else on this node; change nothing",
  },
  once: { type: "boolean", help: "End when the files are written: do not keep them and follow changes" },
  uninstall: { type: "boolean", help: "Take away what was installed; addresses stay" },
  "bin-dir": { type: "string", value: "DIR", help: "Folder of CNI plugins; else CNI_BIN_DIR" },
  "conf-dir": { type: "string", value: "DIR", help: "Folder of CNI configurations; else CNI_CONF_DIR" },
  "host-conf-dir": { type: "string", value: "DIR", help: "The same, as the runtime sees it; else HOST_CNI_CONF_DIR" },
  kubeconfig: {
    type: "string",
    value: "FILE",
    help: "The cluster that --check asks; else KUBECONFIG, the plugin's or this pod's",
  },
  namespace: {
    type: "string",
    value: "NAME",
    short: "n",
    help: "Namespace of the IPPools; else WHEREABOUTS_NAMESPACE",
  },
  "flat-file": { type: "string", value: "FILE", help: "Your fields of the flat file; else WHEREABOUTS_FLAT_FILE" },
  "node-name": { type: "string", value: "NAME", help: "Name of this node; else NODENAME" },
  json: { type: "boolean", help: "Print the list of --check as JSON" },
  ...AGENT_FLAGS,
} as const satisfies Flags;

/** Installs, checks or uninstalls. */
export const install: Command = defineCommand({
  about: [
    "Puts the plugin, its kubeconfig and its flat file on this node, and keeps them there and fresh until it is told to stop.",
  ],
  flags: FLAGS,
  exits: { 1: "It failed, or --check found something missing" },
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
  if (values.uninstall) return await takeAway(terminal, settings);
  return await stay(terminal, settings, values);
});

async function check(
  { world, print, style, inspectApi }: Terminal,
  settings: InstallSettings,
  { kubeconfig: named, json, "bin-dir": bin, "conf-dir": conf }: Values<typeof FLAGS>,
): Promise<number> {
  const chosen = named ?? (world.env("KUBECONFIG") || undefined);
  // outside of pods nothing is mounted: this is the node, or looks like it
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
  else table(["STATE", "WHAT", "WHAT TO DO"], rows, style).forEach(print);
  return findings.some((one) => stateOf(one) === "MISSING") ? 1 : 0;
}

function stateOf({ problem, warning }: Finding): "ok" | "WARNING" | "MISSING" {
  if (problem === undefined) return "ok";
  return warning ? "WARNING" : "MISSING";
}

/** Uninstalls. With `SLEEP=true` it stays, as a DaemonSet's pod must: what ends there is started again. */
async function takeAway({ world, print, platform }: Terminal, settings: InstallSettings): Promise<number> {
  const removed = await uninstall(world, settings);
  for (const path of removed) print(`Removed ${path}`);
  if (removed.length === 0) print(`Nothing to remove: there is none of ${installedPaths(settings).join(", ")}`);
  print(`Addresses stay where they are: in the store, and this node's journal in ${DATA_FOLDER}`);
  if (world.env("SLEEP") === "true") await aborted((await platform()).stopSignal());
  return 0;
}

/** Installs, and stays to follow the credentials unless told otherwise. The agent begins when the files are there, and ends it all. */
async function stay(terminal: Terminal, settings: InstallSettings, values: Values<typeof FLAGS>): Promise<number> {
  const { world } = terminal;
  const log = makeLogger(world, parseServerFlags(values).log);
  const platform = await terminal.platform();
  const written = await installFiles(world, platform, settings, log);
  if (values.once || (world.env("SLEEP") === "false" && !values.agent)) return 0;
  const ended = new AbortController();
  const signal = AbortSignal.any([platform.stopSignal(), ended.signal]);
  const following = keepInstalled(world, platform, settings, log, written, signal);
  try {
    if (values.agent) return await serve(terminal, values, PREDECESSOR_TIMEOUT);
    await following;
    return 0;
  } finally {
    ended.abort();
    await following;
  }
}
