/**
 * Reads the address and credentials of the API server from a kubeconfig, or from the service account of this pod.
 *
 * @module
 */
import { parseIp } from "../../src/address/ip.ts";
import type { KubernetesClient } from "../../src/config/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { messageOf } from "../../src/values/errors.ts";
import { SERVICE_ACCOUNT_FOLDER } from "../../src/paths.ts";
import { withoutLogin } from "../../src/values/redact.ts";
import type { World } from "../../src/world/world.ts";
import { checkedProxy, type Proxy, proxyFromEnvironment } from "../net/proxy.ts";
import { execCredentials } from "./exec.ts";
import { type Fields, isSet, isText, named, quote, readFile, readKubeconfig, refused } from "./kubeconfig.ts";
import type { Access } from "./transport.ts";

/** Namespace of our objects if the kubeconfig's context names none. */
const DEFAULT_NAMESPACE = "kube-system";

/** Unsupported members of a user: they would change the identity of this process. */
const REFUSED = ["auth-provider", "username", "as", "as-uid", "as-groups", "as-user-extra"];
const ADVICE = "use a token, a tokenFile or a client certificate";

/** Max characters of a server's URL. */
const MAX_SERVER = 2_048;
/** Max characters of a DNS name (RFC 1035, section 2.3.4). */
const MAX_NAME = 253;

/** Selects a kubeconfig and the rules for it. */
export interface KubeconfigChoice {
  /** Path of a kubeconfig, or several paths separated by colons; absent: the service account of this pod. */
  readonly kubeconfig?: string | undefined;
  /** Name of a context; absent: the current one. */
  readonly context?: string | undefined;
  /**
   * The kind of this process. A `command` behaves like kubectl: it starts `exec` programs and uses `proxy-url`. A `controller` starts no
   * programs. A `node` (default) does neither: users other than its operator may name its kubeconfig.
   */
  readonly client?: KubernetesClient | undefined;
  /** Namespace of our objects; absent: that of the context, or of this pod. */
  readonly namespace?: string | undefined;
}

/**
 * Reads the current address and credentials.
 *
 * @throws {RefusedError} a file or member is missing or invalid; the message names it
 */
export async function readAccess(world: World, choice: KubeconfigChoice): Promise<Access> {
  const { kubeconfig, context, namespace } = choice;
  if (kubeconfig === undefined && context !== undefined) {
    throw new RefusedError(`Cannot use the context ${JSON.stringify(context)}: no kubeconfig is named`);
  }
  const access = await (kubeconfig === undefined ? inCluster(world) : fromKubeconfig(world, kubeconfig, choice));
  return namespace === undefined ? access : { ...access, namespace };
}

async function fromKubeconfig(
  world: World,
  path: string,
  { context: wanted, client = "node" }: KubeconfigChoice,
): Promise<Access> {
  const config = await readKubeconfig(world, path);
  const current = wanted ?? config.currentContext;
  if (!isText(current)) throw refused(path, "it has no current-context");
  const context = named(path, config, "contexts", current);
  const cluster = named(path, config, "clusters", context.cluster);
  const user = named(path, config, "users", context.user);
  const member = REFUSED.find((one) => isSet(user[one]));
  if (member !== undefined) throw refused(path, `its user sets "${member}", which is not supported: ${ADVICE}`);
  const server = serverOf(path, cluster);
  const insecure = cluster["insecure-skip-tls-verify"] === true;
  const ca = insecure ? undefined : await read(world, path, cluster, "certificate-authority");
  const certificate = await readCertificate(world, path, user);
  const token = await readToken(world, path, user);
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
  if (client === "command") return { ...access, ...await execCredentials(user.exec, access, world) };
  throw refused(
    path,
    `its user sets "exec", which only commands support; the ${client} starts no programs: ${ADVICE}`,
  );
}

/** The credentials of this pod's service account. @throws {RefusedError} this process runs in no pod, or they are unreadable */
async function inCluster(world: World): Promise<Access> {
  const host = world.env("KUBERNETES_SERVICE_HOST");
  const port = world.env("KUBERNETES_SERVICE_PORT");
  if (!host || !port) {
    throw new RefusedError(
      "Cannot find the Kubernetes API server: kubernetes.kubeconfig is not configured, and this process does not run in a pod " +
        "(KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set)",
    );
  }
  const file = (name: string) => readFile(world, SERVICE_ACCOUNT_FOLDER, `${SERVICE_ACCOUNT_FOLDER}/${name}`, "");
  const namespace = world.env("WHEREABOUTS_NAMESPACE") || (await file("namespace").catch(() => "")).trim();
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (!URL.canParse(server)) {
    throw new RefusedError(`Cannot use KUBERNETES_SERVICE_HOST ${JSON.stringify(withoutLogin(host))}: not a host`);
  }
  const proxy = proxyFromEnvironment(server, world.env);
  return {
    server,
    namespace: namespace || DEFAULT_NAMESPACE,
    ca: await file("ca.crt"),
    token: (await file("token")).trim(),
    insecure: false,
    ...(proxy && { proxy }),
    source: SERVICE_ACCOUNT_FOLDER,
  };
}

function serverOf(path: string, { server }: Fields): string {
  if (isText(server) && server.length <= MAX_SERVER && /^https?:\/\//.test(server) && URL.canParse(server)) {
    const { username, password } = new URL(server);
    if (username !== "" || password !== "") {
      throw refused(path, "its server holds a login: use a token or a client certificate");
    }
    return server.replace(/(?<!\/)\/+$/, "");
  }
  throw refused(
    path,
    `its cluster has the server ${
      quote(isText(server) ? withoutLogin(server) : server)
    }, expected a URL such as https://10.0.0.1:6443`,
  );
}

function serverNameOf(path: string, cluster: Fields): string | undefined {
  const name = cluster["tls-server-name"];
  if (!isText(name)) return undefined;
  if (name.length <= MAX_NAME && /^[a-z0-9.-]+$/i.test(name) && !parseIp(name)) return name;
  throw refused(path, `its tls-server-name is not a DNS name`);
}

/** The proxy that the cluster names, else that of {@linkcode proxyFromEnvironment}. */
function proxyOf(
  world: World,
  path: string,
  cluster: Fields,
  server: string,
  client: KubernetesClient,
): Proxy | undefined {
  try {
    const named = cluster["proxy-url"];
    if (!isSet(named)) return proxyFromEnvironment(server, world.env);
    if (client !== "node") return { url: checkedProxy(String(named), "proxy-url"), from: `proxy-url in ${path}` };
  } catch (error) {
    throw refused(path, messageOf(error));
  }
  throw refused(
    path,
    'its cluster sets "proxy-url", which nodes do not support: use a server that is reached directly, or HTTPS_PROXY',
  );
}

/** Reads `key-data` (base64), or the file that `key` names. */
async function read(world: World, path: string, fields: Fields, key: string): Promise<string | undefined> {
  const data = fields[`${key}-data`];
  if (isText(data)) return decodeBase64(path, `${key}-data`, data);
  const file = fields[key];
  return isText(file) ? await readFile(world, path, file, `its ${key} `) : undefined;
}

function decodeBase64(path: string, key: string, data: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)));
  } catch {
    throw refused(path, `its ${key} is not base64`);
  }
}

async function readCertificate(world: World, path: string, user: Fields): Promise<Access["certificate"]> {
  const cert = await read(world, path, user, "client-certificate");
  const key = await read(world, path, user, "client-key");
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (cert === undefined && key === undefined) return undefined;
  throw refused(
    path,
    `its user has a ${cert ? "client-certificate but no client-key" : "client-key but no client-certificate"}`,
  );
}

/** The token file takes precedence over the token, as in the reference client. */
async function readToken(world: World, path: string, user: Fields): Promise<string | undefined> {
  const token = await read(world, path, user, "tokenFile") ?? user.token;
  if (!isText(token)) return undefined;
  const trimmed = token.trim();
  if (/^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
  throw refused(path, "the token of its user is empty or holds characters that no token has");
}
