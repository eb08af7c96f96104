/**
 * Kubeconfig files, as kubectl reads them: one, or several that are merged. The first file that sets a value takes precedence.
 *
 * @module
 */
import { RefusedError } from "../../src/storage/driver.ts";
import { messageOf } from "../../src/values/errors.ts";
import { isObject } from "../../src/values/json.ts";
import type { World } from "../../src/world/world.ts";

/** Max characters of a value in messages: it may be any text of the file. */
const MAX_QUOTE = 80;
/** Members that name files, relative to their kubeconfig. */
const FILES = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];
/** The lists, and the used member of their items. */
const LISTS = { clusters: "cluster", contexts: "context", users: "user" } as const;

/** An object of a kubeconfig. */
export type Fields = Readonly<Record<string, unknown>>;

/** A kubeconfig. The paths of files in it are relative to the working directory of this process. */
export interface Kubeconfig extends Readonly<Record<keyof typeof LISTS, readonly Fields[]>> {
  /** `current-context`, as written. */
  readonly currentContext: unknown;
}

/**
 * Reads a kubeconfig.
 *
 * @param paths the path of a file, or several paths separated by colons
 * @throws {RefusedError} a file is missing or invalid
 */
export async function readKubeconfig(world: World, paths: string): Promise<Kubeconfig> {
  const merged: { currentContext: unknown } & Record<keyof typeof LISTS, Fields[]> = {
    currentContext: undefined,
    clusters: [],
    contexts: [],
    users: [],
  };
  for (const path of paths.split(":").filter((one) => one !== "")) {
    const config = await parse(path, await readFile(world, path, path, ""));
    merged.currentContext ||= config["current-context"];
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    for (const list of ["clusters", "contexts", "users"] as const) {
      merged[list].push(...asList(config[list]).map((item) => placed(item, LISTS[list], folder)));
    }
  }
  return merged;
}

/** JSON, which our installer writes, is YAML too. The YAML parser is loaded only for other text. */
async function parse(path: string, text: string): Promise<Fields> {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    const { parseYaml } = await import("./yaml.ts");
    try {
      config = parseYaml(text);
    } catch (error) {
      throw refused(path, `it is neither JSON nor YAML: ${messageOf(error)}`);
    }
  }
  if (isObject(config)) return config;
  throw refused(path, "it holds no object: it may be empty or half written");
}

/** Resolves the paths of an item's files and program against the folder of its kubeconfig. */
function placed(item: Fields, member: string, folder: string): Fields {
  const inner = item[member];
  if (!isObject(inner)) return item;
  const files = FILES.flatMap((name) => {
    const file = inner[name];
    return isText(file) ? [[name, file.startsWith("/") ? file : `${folder}${file.replace(/^(\.\/)+/, "")}`]] : [];
  });
  const { exec } = inner;
  const command = isObject(exec) ? exec.command : undefined;
  const isRelative = isText(command) && command.includes("/") && !command.startsWith("/");
  const program = isRelative ? { exec: { ...exec as Fields, command: `${folder}${command}` } } : {};
  return { ...item, [member]: { ...inner, ...Object.fromEntries(files), ...program } };
}

/** The first item of a list with a name. @throws {RefusedError} it is missing */
export function named(path: string, config: Kubeconfig, list: keyof typeof LISTS, name: unknown): Fields {
  const found = config[list].find((one) => one.name === name)?.[LISTS[list]];
  if (isObject(found)) return found;
  throw refused(path, `it has no ${LISTS[list]} named ${quote(name)}`);
}

/**
 * Reads a kubeconfig or a file with credentials.
 *
 * @param path the kubeconfig or the folder of the credentials, for messages
 * @param which the member that names the file, for messages: `its tokenFile `; empty if no member does
 * @throws {RefusedError} it is unreadable
 */
export async function readFile(world: World, path: string, file: string, which: string): Promise<string> {
  try {
    return await world.readTextFile(file, which === "" ? "kubeconfig" : "credential");
  } catch (error) {
    const why = error instanceof Error && error.name !== "NotFound" ? error.message : "file not found";
    throw refused(path, which === "" ? why : `cannot read ${which}${JSON.stringify(file)}: ${why}`, error);
  }
}

/** The error for a missing or invalid kubeconfig. */
export function refused(path: string, why: string, cause?: unknown): RefusedError {
  return new RefusedError(`Cannot use the kubeconfig ${JSON.stringify(path)}: ${why}`, { cause });
}

/** Whether a member holds text. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** Whether a member is set and not empty. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

/** A value, quoted for a message. */
export function quote(value: unknown): string {
  return `${JSON.stringify(value)}`.slice(0, MAX_QUOTE);
}

function asList(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
