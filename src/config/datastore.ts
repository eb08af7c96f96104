/**
 * Which store a document asks for.
 *
 * @module
 */
import { type Document, isObject, readDocument, text, type Warn } from "./document.ts";
import { DEFAULT_DATABASE, DEFAULT_ETCD_PREFIX, KUBERNETES_FIELDS } from "./schema.ts";
import { ConfigError, type Datastore } from "./types.ts";

const KINDS = ["kubernetes", "etcd", "embedded"] as const;

/**
 * Reads the datastore: the one named, else kubernetes where a kubeconfig is configured, else etcd where `etcd_host` is, else the
 * embedded one.
 *
 * @throws {ConfigError} an unknown name, or settings that do not go together
 */
export function parseDatastore(document: Document, path: string, warn: Warn): Datastore {
  const kubernetes = isObject(document.kubernetes)
    ? readDocument(document.kubernetes, KUBERNETES_FIELDS, `${path}.kubernetes`, warn)
    : {};
  const kubeconfig = text(kubernetes, "kubeconfig");
  const named = text(document, "datastore");
  const kind = named ?? (kubeconfig ? "kubernetes" : text(document, "etcd_host") ? "etcd" : "embedded");
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
        `Cannot use ${path}.datastore ${JSON.stringify(kind)}: wanted one of ${KINDS.join(", ")}`,
      );
  }
}

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
      `Missing ${path}.${missing}: a client certificate and its key go together`,
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
    hosts: hosts.map((host) => host.includes("://") ? host : `${scheme}://${host}`),
    prefix: (text(document, "etcd_prefix") ?? DEFAULT_ETCD_PREFIX).replace(/\/+$/, ""),
    ...(serverName && { serverName }),
    ...(username && { username }),
    ...(password && { password }),
    ...(caFile && { caFile }),
    ...(certFile && keyFile && { certFile, keyFile }),
  };
}
