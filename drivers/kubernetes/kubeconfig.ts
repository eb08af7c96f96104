/**
 * How to reach the API server: a kubeconfig file, or the service account of the pod this runs in.
 *
 * @module
 */
import { parseIp } from "../../src/address/ip.ts";
import type { KubernetesClient } from "../../src/config/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";
import { checkedProxy, type Proxy, proxyFromEnvironment } from "../net/proxy.ts";

/** Where objects are kept when the kubeconfig's context names no namespace. */
export const DEFAULT_NAMESPACE = "kube-system";

/** Members of a user that would change who we are, and that we do not do. */
const REFUSED = ["auth-provider", "username", "as", "as-uid", "as-groups", "as-user-extra"];

/** Characters of a server's URL, and of a DNS name (RFC 1035, section 2.3.4). */
const LONGEST_SERVER = 2_048;
const LONGEST_NAME = 253;
/** Characters of a value in messages: it may be any text of the file. */
const LONGEST_QUOTE = 80;

/** Which kubeconfig is read, and for whom. */
export interface KubeconfigChoice {
  /** Path of a kubeconfig, or of several, separated by colons; absent: the service account of this pod. */
  readonly kubeconfig?: string | undefined;
  /** Name of a context; absent: the current one. */
  readonly context?: string | undefined;
  /**
   * Whose process this is. A `command` does what kubectl does: it starts `exec` programs and goes through `proxy-url`. A `controller` starts
   * no programs. A `node` (default) does neither: its kubeconfig may be named by others than its operator.
   */
  readonly client?: KubernetesClient | undefined;
}

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
  /** The proxy that leads to the server; absent: none does. */
  readonly proxy?: Proxy;
  /** Where this comes from, for messages. */
  readonly source: string;
}

type Node = Readonly<Record<string, unknown>>;

/**
 * Reads the credentials as they are now.
 *
 * @throws {RefusedError} something is missing or cannot be read; the message names it
 */
export async function readAccess(world: World, choice: KubeconfigChoice): Promise<Access> {
  const { kubeconfig, context } = choice;
  if (kubeconfig !== undefined) return await fromKubeconfig(world, kubeconfig, choice);
  if (context === undefined) return await (await import("./service_account.ts")).inCluster(world);
  throw new RefusedError(`Cannot use the context ${JSON.stringify(context)}: no kubeconfig is named`);
}

async function fromKubeconfig(
  world: World,
  path: string,
  { context: wanted, client = "node" }: KubeconfigChoice,
): Promise<Access> {
  const config = await readKubeconfig(world, path);
  const named = (list: string, member: string, name: unknown): Node => {
    const found = asList(config[list]).find((one) => one.name === name)?.[member];
    if (isNode(found)) return found;
    throw refused(path, `it has no ${member} named ${quote(name)}`);
  };
  const current = wanted ?? config["current-context"];
  if (!isText(current)) throw refused(path, "it has no current-context");
  const context = named("contexts", "context", current);
  const cluster = named("clusters", "cluster", context.cluster);
  const user = named("users", "user", context.user);
  const refusedMember = REFUSED.find((member) => isSet(user[member]));
  if (refusedMember !== undefined) {
    throw refused(
      path,
      `its user sets "${refusedMember}", which is not supported: use a token, a tokenFile or a client certificate`,
    );
  }
  const server = serverOf(path, cluster);
  const read = reader(world, path);
  const insecure = cluster["insecure-skip-tls-verify"] === true;
  const ca = insecure ? undefined : await read(cluster, "certificate-authority");
  const certificate = await readCertificate(path, user, read);
  const token = await readToken(path, user, read);
  const serverName = serverNameOf(path, cluster);
  const proxy = proxyOf(world, path, cluster, server, client);
  const access: Access = {
    server,
    ...(serverName !== undefined && { serverName }),
    namespace: isText(context.namespace) ? context.namespace : DEFAULT_NAMESPACE,
    ...(ca !== undefined && { ca }),
    ...(certificate && { certificate }),
    ...(token !== undefined && { token }),
    insecure,
    ...(proxy && { proxy }),
    source: path,
  };
  if (!isSet(user.exec)) return access;
  if (client !== "command") {
    const advice = "use a token, a tokenFile or a client certificate";
    throw refused(
      path,
      `its user sets "exec", which commands alone support, so that no ${client} starts programs: ${advice}`,
    );
  }
  return { ...access, ...await (await import("./exec.ts")).execCredentials(user.exec, access, world) };
}

/** As {@linkcode proxyFromEnvironment}, unless the cluster names one. */
function proxyOf(
  world: World,
  path: string,
  cluster: Node,
  server: string,
  client: KubernetesClient,
): Proxy | undefined {
  try {
    const named = cluster["proxy-url"];
    if (!isSet(named)) return proxyFromEnvironment(server, world.env);
    if (client !== "node") return { url: checkedProxy(String(named), "proxy-url"), from: `proxy-url in ${path}` };
  } catch (error) {
    throw refused(path, error instanceof Error ? error.message : String(error));
  }
  throw refused(
    path,
    'its cluster sets "proxy-url", which nodes do not support: use a server that is reached directly, or HTTPS_PROXY',
  );
}

function serverNameOf(path: string, cluster: Node): string | undefined {
  const name = cluster["tls-server-name"];
  if (!isText(name)) return undefined;
  if (name.length <= LONGEST_NAME && /^[a-z0-9.-]+$/i.test(name) && !parseIp(name)) return name;
  throw refused(path, `its tls-server-name ${quote(name)} is not a DNS name`);
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
    throw refused(path, `it is neither JSON nor YAML: ${error instanceof Error ? error.message : ""}`);
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

function serverOf(path: string, { server }: Node): string {
  if (isText(server) && server.length <= LONGEST_SERVER && /^https?:\/\//.test(server) && URL.canParse(server)) {
    const { username, password } = new URL(server);
    if (username !== "" || password !== "") {
      throw refused(path, "its server holds a login: use a token or a client certificate");
    }
    return server.replace(/(?<!\/)\/+$/, "");
  }
  throw refused(path, `its cluster has the server ${quote(server)}, expected a URL such as https://10.0.0.1:6443`);
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
  return file.startsWith("/") ? file : `${path.slice(0, path.lastIndexOf("/") + 1)}${file.replace(/^(\.\/)+/, "")}`;
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
    return await world.readTextFile(file, which === "" ? "kubeconfig" : "credential");
  } catch (error) {
    const why = error instanceof Error && error.name !== "NotFound" ? error.message : "there is no such file";
    throw refused(path, which === "" ? why : `cannot read ${which}${JSON.stringify(file)}: ${why}`, error);
  }
}

function decodeBase64(path: string, key: string, data: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)));
  } catch {
    throw refused(path, `its ${key} is not base64`);
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

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

function quote(value: unknown): string {
  return `${JSON.stringify(value)}`.slice(0, LONGEST_QUOTE);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asList(value: unknown): Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}
