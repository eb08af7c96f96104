/**
 * Which store a document asks for.
 *
 * @module
 */
import { isObject } from "../values/json.ts";
import { type Document, quote, text, type Warn } from "./document.ts";
import { DEFAULT_DATABASE } from "./schema.ts";
import { ConfigError, type Datastore } from "./types.ts";

const KINDS = ["kubernetes", "etcd", "embedded"] as const;

/** Whether a document says which store serves: by name, or by how one is reached. */
export function namesStore(document: Document): boolean {
  const kubernetes: Document = isObject(document.kubernetes) ? document.kubernetes : {};
  const named = ["datastore", "etcd_host", "database"].some((key) => text(document, key) !== undefined);
  return named || text(kubernetes, "kubeconfig") !== undefined;
}

/**
 * Reads the datastore: the one named, else kubernetes where a kubeconfig is configured, else etcd where `etcd_host` is, else the
 * embedded one. Whether nothing names one, {@linkcode namesStore} says.
 *
 * @throws {ConfigError} an unknown name, or settings that do not go together
 */
export async function parseDatastore(document: Document, path: string, warn: Warn): Promise<Datastore> {
  const kubernetes: Document = isObject(document.kubernetes) ? document.kubernetes : {};
  const kubeconfig = text(kubernetes, "kubeconfig");
  const named = text(document, "datastore");
  const kind = named ?? configuredStore(document, kubeconfig, path, warn);
  switch (kind) {
    case "kubernetes":
      return { kind, ...(kubeconfig && { kubeconfig }) };
    case "etcd":
      return (await import("./etcd.ts")).parseEtcd(document, path);
    case "embedded":
      return { kind, path: text(document, "database") ?? DEFAULT_DATABASE };
    default:
      throw new ConfigError(
        `${path}.datastore`,
        `Cannot use ${path}.datastore ${quote(kind)}: wanted one of ${KINDS.join(", ")}`,
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
  if (text(document, "database")) return "embedded";
  return "embedded";
}

/** What it means where nothing names a store, for whoever configures the node. */
export function defaultStoreWarning(path: string): string {
  return `No store is configured, so the embedded one serves: addresses are unique on this machine only; ` +
    `name it in ${path}.datastore, or configure ${path}.kubernetes.kubeconfig or ${path}.etcd_host`;
}
