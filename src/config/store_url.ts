/**
 * A store as one text, for callers without a CNI network configuration.
 *
 * @module
 */
import { withoutLogin } from "../values/redact.ts";
import { type Document, quote } from "./document.ts";

/** The forms of a store URL, for messages. */
const FORMS =
  "sqlite:FILE, :memory:, etcd://HOST:PORT (several: comma-separated), etcds://HOST:PORT (TLS), kubernetes: or kubernetes:KUBECONFIG";

/**
 * The `ipam` fields that a store URL stands for:
 *
 * - `sqlite:FILE`: a SQLite file, created if it is missing; `:memory:` or `sqlite::memory:`: a database of this process;
 * - `etcd://HOST:PORT,HOST:PORT/PREFIX`: etcd; `etcds:` with TLS. PREFIX is optional;
 * - `kubernetes:FILE`: the cluster of a kubeconfig; `kubernetes:` the one that `kubeconfig` names, else that of this pod.
 *
 * @param kubeconfig the kubeconfig of `kubernetes:`; undefined: that of this pod
 * @throws {RangeError} the text has none of these forms
 */
export function storeFields(url: string, kubeconfig?: string): Document {
  const [, scheme = "", rest = ""] =
    /^(sqlite|etcds?|kubernetes):(.*)$/.exec(url === ":memory:" ? "sqlite::memory:" : url) ?? [];
  if (scheme === "sqlite" && rest !== "") return { datastore: "embedded", database: rest };
  if (scheme === "kubernetes") {
    const file = rest || kubeconfig;
    return { datastore: "kubernetes", ...(file !== undefined && { kubernetes: { kubeconfig: file } }) };
  }
  const [, hosts, prefix] = /^\/\/([^/]+)(?:\/|(\/.+))?$/.exec(rest) ?? [];
  if (scheme.startsWith("etcd") && hosts !== undefined) {
    const protocol = scheme === "etcds" ? "https" : "http";
    return {
      datastore: "etcd",
      etcd_host: hosts.split(",").map((host) => `${protocol}://${host}`).join(),
      ...(prefix !== undefined && { etcd_prefix: prefix }),
    };
  }
  throw new RangeError(`Cannot use store ${quote(withoutLogin(url))}: expected ${FORMS}`);
}
