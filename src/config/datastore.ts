/**
 * The store that a document selects.
 *
 * @module
 */
import { isObject } from "../values/json.ts";
import { withoutLogin } from "../values/redact.ts";
import { type Document, quote, text, type Warn } from "./document.ts";
import { DEFAULT_DATABASE, DEFAULT_ETCD_PREFIX } from "./schema.ts";
import { ConfigError, type Datastore } from "./types.ts";

const KINDS = ["kubernetes", "etcd", "embedded"] as const;

/** Whether a document selects a store, by its name or by its address. */
export function namesStore(document: Document): boolean {
  const kubernetes: Document = isObject(document.kubernetes) ? document.kubernetes : {};
  const named = ["datastore", "etcd_host", "database"].some((key) => text(document, key) !== undefined);
  return named || text(kubernetes, "kubeconfig") !== undefined;
}

/**
 * Reads the datastore: the one that `datastore` names; else kubernetes if a kubeconfig is configured; else etcd if `etcd_host` is set; else
 * the embedded one, which is the default if {@linkcode namesStore} is false.
 *
 * @throws {ConfigError} an unknown name, or inconsistent settings
 */
export function parseDatastore(document: Document, path: string, warn: Warn): Datastore {
  const kubernetes: Document = isObject(document.kubernetes) ? document.kubernetes : {};
  const kubeconfig = text(kubernetes, "kubeconfig");
  const named = text(document, "datastore");
  const kind = named ?? configuredStore(document, kubeconfig, path, warn);
  switch (kind) {
    case "kubernetes":
      return { kind, ...(kubeconfig && { kubeconfig }) };
    case "etcd":
      return parseEtcd(document, path);
    case "embedded":
      return { kind, path: text(document, "database") ?? DEFAULT_DATABASE };
    default:
      throw new ConfigError(
        `${path}.datastore`,
        `Cannot use ${path}.datastore ${quote(kind)}: expected one of ${KINDS.join(", ")}`,
      );
  }
}

function configuredStore(
  document: Document,
  kubeconfig: string | undefined,
  path: string,
  warn: Warn,
): Datastore["kind"] {
  const host = text(document, "etcd_host");
  if (kubeconfig && host) {
    warn(`${path}.etcd_host is ignored: a kubeconfig is configured too; name one store in ${path}.datastore`);
  }
  if (kubeconfig) return "kubernetes";
  if (host) return "etcd";
  return "embedded";
}

/** Reads the `etcd_*` fields. @throws {ConfigError} no endpoint, or inconsistent settings */
function parseEtcd(document: Document, path: string): Datastore {
  const caFile = text(document, "etcd_ca_cert_file");
  const certFile = text(document, "etcd_cert_file");
  const keyFile = text(document, "etcd_key_file");
  const username = text(document, "etcd_username");
  const password = text(document, "etcd_password");
  if (!certFile !== !keyFile) {
    const missing = certFile ? "etcd_key_file" : "etcd_cert_file";
    throw new ConfigError(
      `${path}.${missing}`,
      `Missing ${path}.${missing}: a client certificate requires its key, and a key its certificate`,
    );
  }
  const serverName = text(document, "etcd_server_name");
  const scheme = caFile || certFile ? "https" : "http";
  const hosts = (text(document, "etcd_host") ?? "").split(",").map((host) => host.trim()).filter((host) => host !== "");
  if (hosts.length === 0) {
    throw new ConfigError(
      `${path}.etcd_host`,
      `Missing ${path}.etcd_host: datastore etcd needs an endpoint such as "10.0.0.1:2379"`,
    );
  }
  return {
    kind: "etcd",
    hosts: hosts.map((host) => parseHost(host.includes("://") ? host : `${scheme}://${host}`, path)),
    prefix: (text(document, "etcd_prefix") ?? DEFAULT_ETCD_PREFIX).replace(/(?<!\/)\/+$/, ""),
    ...(serverName && { serverName }),
    ...(username && { username }),
    ...(password && { password }),
    ...(caFile && { caFile }),
    ...(certFile && keyFile && { certFile, keyFile }),
  };
}

function parseHost(host: string, path: string): string {
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url && (url.username !== "" || url.password !== "")) {
    throw new ConfigError(
      `${path}.etcd_host`,
      `Cannot use ${path}.etcd_host with a login in it: put that into etcd_username and etcd_password`,
    );
  }
  if (url && ["http:", "https:"].includes(url.protocol) && url.hostname !== "") return host;
  throw new ConfigError(
    `${path}.etcd_host`,
    `Cannot use ${path}.etcd_host ${
      quote(withoutLogin(host))
    }: expected endpoints such as "10.0.0.1:2379" or "https://[fd00::1]:2379"`,
  );
}

/** The warning that no store is configured. */
export function defaultStoreWarning(path: string): string {
  return `No store is configured, so the embedded one is used: addresses are unique on this machine only; ` +
    `name it in ${path}.datastore, or configure ${path}.kubernetes.kubeconfig or ${path}.etcd_host`;
}
