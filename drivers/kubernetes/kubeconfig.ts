/**
 * How to reach the API server: a kubeconfig file, or the service account of the pod this runs in.
 *
 * @module
 */
import { dirname, isAbsolute, join } from "node:path";
import { RefusedError } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";

/** Where objects are kept when the kubeconfig's context names no namespace. */
const DEFAULT_NAMESPACE = "kube-system";
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Address, trust and credentials. */
export interface Access {
  /** Base URL without a slash at its end. */
  readonly server: string;
  /** Namespace of our objects. */
  readonly namespace: string;
  /** CA certificates (PEM). Absent: the system's. */
  readonly ca?: string;
  /** Client certificate and key (PEM). */
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** The bearer token now. Read anew for each request where it stands in a file, because it rotates. */
  readonly token?: () => Promise<string>;
  /** Do not verify the server's certificate. */
  readonly insecure: boolean;
  /** Where this comes from, for messages. */
  readonly source: string;
}

type Node = Readonly<Record<string, unknown>>;

/**
 * Reads a kubeconfig: its current context, cluster and user.
 *
 * @param path absent: the service account of this pod
 * @throws {RefusedError} something is missing or cannot be read; the message names it
 */
export async function readAccess(world: World, path: string | undefined): Promise<Access> {
  if (path === undefined) return await inCluster(world);
  const config = await readKubeconfig(world, path);
  const named = (list: string, member: string, name: unknown): Node => {
    const found = asList(config[list]).find((one) => one.name === name)?.[member];
    if (isNode(found)) return found;
    throw refused(path, `it has no ${member} named ${JSON.stringify(name)}`);
  };
  const current = config["current-context"];
  if (typeof current !== "string" || current === "") throw refused(path, "it has no current-context");
  const context = named("contexts", "context", current);
  const cluster = named("clusters", "cluster", context.cluster);
  const user = named("users", "user", context.user);
  const server = cluster.server;
  if (typeof server !== "string" || !URL.canParse(server)) {
    throw refused(
      path,
      `cluster ${JSON.stringify(context.cluster)} has server ${JSON.stringify(server)}, wanted a URL`,
    );
  }
  refuseUnknown(path, cluster, user);
  const read = reader(world, path);
  const ca = await read(cluster, "certificate-authority");
  const certificate = await readCertificate(path, user, read);
  const token = tokenOf(world, path, user);
  return {
    server: server.replace(/\/+$/, ""),
    namespace: typeof context.namespace === "string" && context.namespace !== ""
      ? context.namespace
      : DEFAULT_NAMESPACE,
    ...(ca !== undefined && { ca }),
    ...(certificate && { certificate }),
    ...(token && { token }),
    insecure: cluster["insecure-skip-tls-verify"] === true,
    source: path,
  };
}

async function readKubeconfig(world: World, path: string): Promise<Node> {
  const text = await world.readTextFile(path).catch((error) => {
    throw refused(path, error.name === "NotFound" ? "there is no such file" : error.message, error);
  });
  let config: unknown;
  try {
    config = text.trimStart().startsWith("{") ? JSON.parse(text) : (await import("yaml")).parse(text);
  } catch (error) {
    throw refused(path, `it is neither JSON nor YAML: ${error instanceof Error ? error.message : error}`, error);
  }
  if (isNode(config)) return config;
  throw refused(path, "it is no object");
}

function refuseUnknown(path: string, cluster: Node, user: Node): void {
  for (const plugin of ["exec", "auth-provider"]) {
    if (user[plugin]) {
      throw refused(
        path,
        `its user wants credentials from "${plugin}": use a token, a token file or a client certificate`,
      );
    }
  }
  if (cluster["tls-server-name"]) {
    throw refused(path, 'its cluster sets "tls-server-name": use a server URL that the certificate names');
  }
}

type Read = (node: Node, key: string) => Promise<string | undefined>;

/** Reads `key-data` (base64) or the file that `key` names, relative to the kubeconfig. */
function reader(world: World, path: string): Read {
  return async (node, key) => {
    const data = node[`${key}-data`];
    try {
      if (typeof data === "string" && data !== "") {
        return new TextDecoder().decode(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));
      }
    } catch (error) {
      throw refused(path, `${key}-data is not base64`, error);
    }
    const file = node[key];
    if (typeof file !== "string" || file === "") return undefined;
    const absolute = isAbsolute(file) ? file : join(dirname(path), file);
    return await world.readTextFile(absolute).catch((error) => {
      throw refused(path, `cannot read its ${key} ${JSON.stringify(absolute)}: ${error.message}`, error);
    });
  };
}

async function readCertificate(
  path: string,
  user: Node,
  read: Read,
): Promise<{ cert: string; key: string } | undefined> {
  const cert = await read(user, "client-certificate");
  const key = await read(user, "client-key");
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (cert === undefined && key === undefined) return undefined;
  throw refused(
    path,
    `its user has a ${cert ? "client-certificate without client-key" : "client-key without client-certificate"}`,
  );
}

function tokenOf(world: World, path: string, user: Node): (() => Promise<string>) | undefined {
  const { token, tokenFile } = user;
  if (typeof tokenFile === "string" && tokenFile !== "") {
    const file = isAbsolute(tokenFile) ? tokenFile : join(dirname(path), tokenFile);
    return () => readToken(world, file, path);
  }
  return typeof token === "string" && token !== "" ? () => Promise.resolve(token) : undefined;
}

async function readToken(world: World, file: string, source: string): Promise<string> {
  const token = await world.readTextFile(file).catch((error) => {
    throw refused(source, `cannot read the token ${JSON.stringify(file)}: ${error.message}`, error);
  });
  return token.trim();
}

async function inCluster(world: World): Promise<Access> {
  const host = world.env("KUBERNETES_SERVICE_HOST");
  const port = world.env("KUBERNETES_SERVICE_PORT");
  if (!host || !port) {
    throw new RefusedError(
      "Cannot find the Kubernetes API server: ipam.kubernetes.kubeconfig is not configured, and this runs in no pod " +
        "(KUBERNETES_SERVICE_HOST is not set)",
    );
  }
  const ca = await world.readTextFile(`${SERVICE_ACCOUNT}/ca.crt`).catch((error) => {
    throw refused(SERVICE_ACCOUNT, error.message, error);
  });
  const namespace = await world.readTextFile(`${SERVICE_ACCOUNT}/namespace`).catch(() => "");
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace: world.env("WHEREABOUTS_NAMESPACE") || namespace.trim() || DEFAULT_NAMESPACE,
    ca,
    token: () => readToken(world, `${SERVICE_ACCOUNT}/token`, SERVICE_ACCOUNT),
    insecure: false,
    source: SERVICE_ACCOUNT,
  };
}

function refused(path: string, why: string, cause?: unknown): RefusedError {
  return new RefusedError(`Cannot use the kubeconfig ${JSON.stringify(path)}: ${why}`, { cause });
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asList(value: unknown): Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}
