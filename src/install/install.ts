/**
 * Installs the plugin and its files on a node, keeps them up to date, and uninstalls them.
 *
 * @module
 */
import { parseFlatFile } from "../config/files.ts";
import { messageOf } from "../values/errors.ts";
import { type Logger, SILENT } from "../world/log.ts";
import { type Platform, REPLACED } from "../world/platform.ts";
import { RUN_FOLDER } from "../paths.ts";
import type { FilePurpose, World } from "../world/world.ts";
import {
  configurationFiles,
  type Credentials,
  folderOf,
  installedPaths,
  kubeconfigFile,
  kubeconfigPath,
  type PlannedFile,
  PLUGIN,
} from "./files.ts";
import type { InstallSettings } from "./settings.ts";

/** Milliseconds between two checks of the installed files; the interval at which the original reads the credentials. */
const INTERVAL = 1_000;

/** Contents of written files, by path. */
export type Written = ReadonlyMap<string, string>;

/**
 * Writes all files, the plugin last: when it exists, so does what it needs.
 *
 * @returns the written files, for {@linkcode keepInstalled}
 * @throws an Error that names the file that could not be written, or the invalid field of the operator's flat file
 */
export async function install(
  world: World,
  platform: Pick<Platform, "installSelf">,
  settings: InstallSettings,
  log: Logger,
): Promise<Written> {
  const files = [...await planKubeconfig(world, settings), ...await planConfiguration(world, settings, log)];
  if (!files.some(({ path }) => path === kubeconfigPath(settings))) {
    log.warn("Skipped kubeconfig: service account token, API server or namespace is missing", {
      folder: settings.credentialFolder,
    });
  }
  if (settings.nodeName === "") log.warn("Skipped node name: NODENAME is not set");
  for (const file of files) await write(world, settings, file);
  const plugin = `${settings.binFolder}/${PLUGIN}`;
  await platform.installSelf(plugin);
  log.info("Installed plugin", { path: plugin, configuration: folderOf(settings) });
  return new Map(files.map(({ path, text }) => [path, text]));
}

/**
 * Keeps the installed files until the signal aborts: writes a file when its planned text changes (token, CA, fields of the operator), and
 * restores files that were removed or truncated. A complete file with another text is left unchanged, since a pod that is about to end must not
 * undo what its successor wrote. A failure is logged once, and retried.
 */
export async function keepInstalled(
  world: World,
  platform: Pick<Platform, "installSelf">,
  settings: InstallSettings,
  log: Logger,
  written: Written,
  signal: AbortSignal,
): Promise<void> {
  const last = new Map(written);
  let logged = "";
  for (;;) {
    try {
      await world.sleep(INTERVAL, signal);
    } catch {
      return;
    }
    try {
      await compare(world, platform, settings, log, last);
      logged = "";
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== logged) log.error("Could not update installed files; retrying", { error: reason });
      logged = reason;
    }
  }
}

async function compare(
  world: World,
  platform: Pick<Platform, "installSelf">,
  settings: InstallSettings,
  log: Logger,
  last: Map<string, string>,
): Promise<void> {
  const failures: unknown[] = [];
  const plans = [planKubeconfig(world, settings), planConfiguration(world, settings, SILENT)];
  const planned: PlannedFile[] = [];
  for (const outcome of await Promise.allSettled(plans)) {
    if (outcome.status === "fulfilled") planned.push(...outcome.value);
    else failures.push(outcome.reason); // the files written before are kept
  }
  const wanted = new Map([...last, ...planned.map(({ path, text }) => [path, text] as const)]);
  for (const [path, text] of wanted) {
    try {
      const changed = text !== last.get(path);
      if (!changed && !await isDamaged(world, path, text)) continue;
      await write(world, settings, { path, text });
      last.set(path, text);
      log.info(changed ? "Wrote file" : "Restored file", { path });
    } catch (error) {
      failures.push(error);
    }
  }
  const plugin = `${settings.binFolder}/${PLUGIN}`;
  if (!await world.exists(plugin)) {
    await platform.installSelf(plugin);
    log.info("Restored plugin", { path: plugin });
  }
  if (failures.length > 0) throw failures[0];
}

/** Whether a file is missing, empty or truncated. */
async function isDamaged(world: World, path: string, text: string): Promise<boolean> {
  const found = await readIfExists(world, path);
  return found === undefined || found.trim() === "" || (found !== text && text.startsWith(found));
}

/**
 * Removes what {@linkcode install} wrote, temporary files of killed installations, and what plugin and agent left in {@linkcode RUN_FOLDER}.
 * A missing file is no error. Data is kept.
 *
 * @returns the removed paths
 */
export async function uninstall(world: World, settings: InstallSettings): Promise<readonly string[]> {
  const removed: string[] = [];
  const folder = folderOf(settings);
  for (const path of [...installedPaths(settings), ...await leftovers(world, settings)]) {
    if (!await world.exists(path)) continue;
    await world.remove(path);
    removed.push(path);
  }
  removed.push(...await removeBelow(world, RUN_FOLDER));
  for (const own of [folder, RUN_FOLDER]) await removeEmpty(world, own);
  return removed;
}

/** The replaced plugin, and temporary files, whose names contain a UUID. */
async function leftovers(world: World, settings: InstallSettings): Promise<readonly string[]> {
  const own = folderOf(settings);
  const temporary = /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;
  const plugins = (await world.listFolder(settings.binFolder)).filter((name) => name.startsWith(`.${PLUGIN}.`));
  const files = await world.listFolder(own);
  const replaced = `${settings.binFolder}/${PLUGIN}${REPLACED}`;
  const unfinished = [
    ...plugins.map((name) => `${settings.binFolder}/${name}`),
    ...files.map((name) => `${own}/${name}`),
  ]
    .filter((path) => temporary.test(path));
  return [replaced, ...unfinished];
}

async function removeBelow(world: World, folder: string): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const name of await world.listFolder(folder)) {
    const path = `${folder}/${name}`;
    if (await world.isDirectory(path)) removed.push(...await removeBelow(world, path));
    else removed.push(path);
    await world.remove(path);
  }
  return removed;
}

/** In a container the folder may be a mount, which cannot be removed. */
async function removeEmpty(world: World, folder: string): Promise<void> {
  if (!await world.isDirectory(folder) || (await world.listFolder(folder)).length > 0) return;
  await world.remove(folder).catch(() => {});
}

/** The kubeconfig to write; empty without credentials. */
async function planKubeconfig(world: World, settings: InstallSettings): Promise<readonly PlannedFile[]> {
  const credentials = await readCredentials(world, settings);
  const file = credentials && kubeconfigFile(settings, credentials);
  return file ? [file] : [];
}

/** The flat file and the node's name to write. */
async function planConfiguration(
  world: World,
  settings: InstallSettings,
  log: Logger,
): Promise<readonly PlannedFile[]> {
  const text = await readIfExists(world, settings.flatFile, "configuration");
  const warn = (warning: string) => log.warn(warning);
  const operator = text === undefined ? {} : parseFlatFile(text, settings.flatFile, warn);
  return configurationFiles(settings, operator);
}

function write(world: World, settings: InstallSettings, { path, text }: PlannedFile): Promise<void> {
  return world.writeFile(path, text, { durable: true, mode: settings.mode });
}

function readIfExists(world: World, path: string, purpose?: FilePurpose): Promise<string | undefined> {
  return world.readTextFile(path, purpose).catch((error) => {
    if (error instanceof Error && error.name === "NotFound") return undefined;
    throw error;
  });
}

/** The credentials; undefined if missing, or incomplete while the kubelet replaces them. */
async function readCredentials(world: World, settings: InstallSettings): Promise<Credentials | undefined> {
  const token = (await readIfExists(world, `${settings.credentialFolder}/token`, "credential") ?? "").trim();
  if (token === "") return undefined;
  if (settings.skipTlsVerify) return { token, ca: undefined };
  const ca = await readIfExists(world, settings.caFile, "credential") ?? "";
  return ca.trim() === "" ? undefined : { token, ca };
}
