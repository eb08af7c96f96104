/**
 * How to reach the API server: a kubeconfig file, or the service account of the pod this runs in.
 *
 * @module
 */
import { RefusedError } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";

/** Where objects are kept when the kubeconfig's context names no namespace. */
export const DEFAULT_NAMESPACE = "kube-system";

/** Members of a user or cluster that would change who we are or where we go, and that we do not do. */
const REFUSED = {
  user: ["exec", "auth-provider", "username", "as", "as-uid", "as-groups", "as-user-extra"],
  cluster: ["proxy-url"],
} as const;

/** Address, trust and credentials. Values only, so that two readings can be compared. */
export interface Access {
  /** Base URL without a slash at its end. */
  readonly server: string;
  /** The name that the server's certificate must bear, if it is not that of the URL. */
  readonly serverName?: string;
  /** Namespace of our objects. */
  readonly namespace: string;
  /** CA certificates (PEM). Absent: the system's. */
  readonly ca?: string;
  /** Client certificate and key (PEM). */
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** Bearer token. */
  readonly token?: string;
  /** Do not verify the server's certificate. */
  readonly insecure: boolean;
  /** Where this comes from, for messages. */
  readonly source: string;
}

type Node = Readonly<Record<string, unknown>>;

/**
 * Reads the credentials as they are now.
 *
 * @param path of a kubeconfig, or of several, separated by colons; absent: the service account of this pod
 * @throws {RefusedError} something is missing or cannot be read; the message names it
 */
export async function readAccess(world: World, path: string | undefined): Promise<Access> {
  if (path !== undefined) return await fromKubeconfig(world, path);
  return await (await import("./service_account.ts")).inCluster(world);
}

async function fromKubeconfig(world: World, path: string): Promise<Access> {
  const config = await readKubeconfig(world, path);
  const named = (list: string, member: string, name: unknown): Node => {
    const found = asList(config[list]).find((one) => one.name === name)?.[member];
    if (isNode(found)) return found;
    throw refused(path, `it has no ${member} named ${JSON.stringify(name)}`);
  };
  const current = config["current-context"];
  if (!isText(current)) throw refused(path, "it has no current-context");
  const context = named("contexts", "context", current);
  const cluster = named("clusters", "cluster", context.cluster);
  const user = named("users", "user", context.user);
  refuse(path, "cluster", cluster);
  refuse(path, "user", user);
  const read = reader(world, path);
  const insecure = cluster["insecure-skip-tls-verify"] === true;
  const ca = insecure ? undefined : await read(cluster, "certificate-authority");
  const certificate = await readCertificate(path, user, read);
  const token = await readToken(path, user, read);
  const serverName = cluster["tls-server-name"];
  return {
    server: serverOf(path, cluster),
    ...(isText(serverName) && { serverName }),
    namespace: isText(context.namespace) ? context.namespace : DEFAULT_NAMESPACE,
    ...(ca !== undefined && { ca }),
    ...(certificate && { certificate }),
    ...(token !== undefined && { token }),
    insecure,
    source: path,
  };
}

async function readKubeconfig(world: World, path: string): Promise<Node> {
  if (path.includes(":")) {
    return (await import("./kubeconfig_list.ts")).readList(path, (one) => readKubeconfig(world, one));
  }
  const text = await readFile(world, path, path, "");
  let config: unknown;
  try {
    config = await parse(text);
  } catch (error) {
    throw refused(path, `it is neither JSON nor YAML: ${error instanceof Error ? error.message : error}`, error);
  }
  if (isNode(config)) return config;
  throw refused(path, "it holds no object: it may be empty or half written");
}

/** JSON is YAML, and what our installer writes; the YAML parser is loaded for everything else. */
async function parse(text: string): Promise<unknown> {
  try {
    return JSON.parse(text);
  } catch {
    return (await import("./yaml.ts")).parseYaml(text);
  }
}

function refuse(path: string, kind: keyof typeof REFUSED, node: Node): void {
  const found = REFUSED[kind].find((member) =>
    node[member] !== undefined && node[member] !== null && node[member] !== ""
  );
  if (found === undefined) return;
  const wanted = kind === "user" ? "a token, a tokenFile or a client certificate" : "a server that is reached directly";
  throw refused(path, `its ${kind} sets ${JSON.stringify(found)}, which is not supported: use ${wanted}`);
}

function serverOf(path: string, { server }: Node): string {
  if (isText(server) && /^https?:\/\//.test(server) && URL.canParse(server)) return server.replace(/\/+$/, "");
  throw refused(
    path,
    `its cluster has the server ${JSON.stringify(server)}, wanted a URL such as https://10.0.0.1:6443`,
  );
}

type Read = (node: Node, key: string) => Promise<string | undefined>;

/** Reads `key-data` (base64) or the file that `key` names, relative to the kubeconfig. */
function reader(world: World, path: string): Read {
  return async (node, key) => {
    const data = node[`${key}-data`];
    if (isText(data)) return decodeBase64(path, `${key}-data`, data);
    const file = node[key];
    return isText(file) ? await readFile(world, path, beside(path, file), `its ${key} `) : undefined;
  };
}

function beside(path: string, file: string): string {
  return file.startsWith("/") ? file : path.replace(/[^/]*$/, file.replace(/^(\.\/)+/, ""));
}

/**
 * Reads a file that credentials are in.
 *
 * @param path of the whole, for messages
 * @param which file of it; empty: the whole
 * @throws {RefusedError} it cannot be read
 */
export async function readFile(world: World, path: string, file: string, which: string): Promise<string> {
  try {
    return await world.readTextFile(file);
  } catch (error) {
    const why = error instanceof Error && error.name !== "NotFound" ? error.message : "there is no such file";
    throw refused(path, which === "" ? why : `cannot read ${which}${JSON.stringify(file)}: ${why}`, error);
  }
}

function decodeBase64(path: string, key: string, data: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)));
  } catch (error) {
    throw refused(path, `its ${key} is not base64`, error);
  }
}

async function readCertificate(path: string, user: Node, read: Read): Promise<Access["certificate"]> {
  const cert = await read(user, "client-certificate");
  const key = await read(user, "client-key");
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (cert === undefined && key === undefined) return undefined;
  throw refused(
    path,
    `its user has a ${cert ? "client-certificate but no client-key" : "client-key but no client-certificate"}`,
  );
}

/** The token file goes before the token, as in the reference client. */
async function readToken(path: string, user: Node, read: Read): Promise<string | undefined> {
  const token = await read(user, "tokenFile") ?? user.token;
  if (!isText(token)) return undefined;
  const trimmed = token.trim();
  if (/^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
  throw refused(path, "the token of its user is empty or holds characters that no token has");
}

function refused(path: string, why: string, cause?: unknown): RefusedError {
  return new RefusedError(`Cannot use the kubeconfig ${JSON.stringify(path)}: ${why}`, { cause });
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asList(value: unknown): Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}
