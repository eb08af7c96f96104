/**
 * How etcd is reached. Loaded for configurations that name it.
 *
 * @module
 */
import { type Document, quote, text } from "./document.ts";
import { DEFAULT_ETCD_PREFIX } from "./schema.ts";
import { ConfigError, type Datastore } from "./types.ts";

/** Reads the `etcd_*` fields. @throws {ConfigError} no endpoint, or settings that do not go together */
export function parseEtcd(document: Document, path: string): Datastore {
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
    `Cannot use ${path}.etcd_host ${quote(host)}: wanted endpoints such as "10.0.0.1:2379" or "https://[fd00::1]:2379"`,
  );
}
