/**
 * Puts the plugin and its files on a node, keeps the credentials fresh, and takes everything away again.
 *
 * @module
 */
import type { Logger } from "../world/log.ts";
import { type Platform, REPLACED } from "../world/platform.ts";
import type { World } from "../world/world.ts";
import {
  configurationFiles,
  type Credentials,
  folderOf,
  installedPaths,
  kubeconfigFile,
  PLUGIN,
  RUN_FOLDER,
} from "./files.ts";
import type { InstallSettings } from "./settings.ts";

/** Milliseconds between two looks at the credentials, as in the original. */
const LOOK_EVERY = 1_000;

/**
 * Writes everything, the plugin last: where it is, what it needs is there.
 *
 * @returns the kubeconfig that was written, for {@linkcode followCredentials}; undefined where none could be
 * @throws an Error that names the file that cannot be written
 */
export async function install(
  world: World,
  platform: Pick<Platform, "installSelf">,
  settings: InstallSettings,
  log: Logger,
): Promise<string | undefined> {
  const kubeconfig = await writeKubeconfig(world, settings, undefined);
  if (kubeconfig === undefined) {
    log.warn("No kubeconfig is written: there is no service account token, API server or namespace", {
      folder: settings.credentialFolder,
    });
  }
  if (settings.nodeName === "") log.warn("No node name is written: NODENAME is not set");
  for (const { path, text } of configurationFiles(settings)) {
    await world.writeFile(path, text, { durable: true, mode: settings.mode });
  }
  const plugin = `${settings.binFolder}/${PLUGIN}`;
  await platform.installSelf(plugin);
  log.info("Installed", { plugin, configuration: folderOf(settings) });
  return kubeconfig;
}

/** Writes the kubeconfig anew whenever token or CA change, until the signal aborts. A failure is told, and tried again. */
export async function followCredentials(
  world: World,
  settings: InstallSettings,
  log: Logger,
  written: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  let last = written;
  let told = "";
  for (;;) {
    try {
      await world.sleep(LOOK_EVERY, signal);
    } catch {
      return;
    }
    try {
      const now = await writeKubeconfig(world, settings, last);
      if (now !== undefined && now !== last) log.info("Credentials changed: the kubeconfig is written anew");
      last = now ?? last;
      told = "";
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== told) log.error("Cannot write the kubeconfig", { reason });
      told = reason;
    }
  }
}

/**
 * Removes what {@linkcode install} wrote, what an installation that was killed left half-written, and what plugin and agent left in
 * {@linkcode RUN_FOLDER}. What is not there is no error. Data stays.
 *
 * @returns the paths that were there
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

/** Temporary files have a name of chance in their names. */
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

/** In a container our folders may be mounts, which stay. */
async function removeEmpty(world: World, folder: string): Promise<void> {
  if (!await world.isDirectory(folder) || (await world.listFolder(folder)).length > 0) return;
  await world.remove(folder).catch(() => {});
}

async function writeKubeconfig(world: World, settings: InstallSettings, last: string | undefined) {
  const credentials = await readCredentials(world, settings);
  const file = credentials && kubeconfigFile(settings, credentials);
  if (!file || file.text === last) return file?.text;
  await world.writeFile(file.path, file.text, { durable: true, mode: settings.mode });
  return file.text;
}

/** Nothing there, or half of it while the kubelet replaces it: undefined. */
async function readCredentials(world: World, settings: InstallSettings): Promise<Credentials | undefined> {
  const read = (path: string) =>
    world.readTextFile(path).catch((error) => {
      if (error instanceof Error && error.name === "NotFound") return "";
      throw error;
    });
  const token = (await read(`${settings.credentialFolder}/token`)).trim();
  if (token === "") return undefined;
  if (settings.skipTlsVerify) return { token, ca: undefined };
  const ca = await read(settings.caFile);
  return ca.trim() === "" ? undefined : { token, ca };
}
