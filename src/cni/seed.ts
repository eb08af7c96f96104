/**
 * A head start for the first TLS connection of a process.
 *
 * That connection waits some 30 ms until the random generator of the runtime's TLS library is seeded. A throw-away key has it seeded on
 * another thread while the plugin is loaded and the configuration is read. Measured: a sixth of a direct ADD.
 *
 * @module
 */
import type { Call } from "../call/call.ts";

/** Begins to seed, where the network configuration may lead to a Kubernetes API server. Nobody needs to wait for the end. */
export async function seedTls({ input }: Call): Promise<void> {
  if (!("document" in input) || namesOtherStore(input.document)) return;
  await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]).catch(() => {});
}

/** Whether the configuration itself names a store that is reached without TLS. A file that it leads to may, which costs a key for nothing. */
function namesOtherStore(document: unknown): boolean {
  const { ipam } = (document ?? {}) as { readonly ipam?: Readonly<Record<string, unknown>> | null };
  const { datastore, etcd_host, database } = ipam ?? {};
  return datastore === "etcd" || datastore === "embedded" || etcd_host !== undefined || database !== undefined;
}
