/**
 * A head start for the first TLS connection of a process.
 *
 * That connection waits some 30 ms until the random generator of the runtime's TLS library is seeded. A throw-away key has it seeded on
 * another thread while the plugin is loaded and the configuration is read. Measured: a sixth of a direct ADD.
 *
 * @module
 */

/** What only configurations of stores without TLS say. */
const OTHER_STORES = /"(etcd_host|database)"|"datastore"\s*:\s*"(etcd|embedded)"/;

/** Begins to seed, where the network configuration may lead to a Kubernetes API server. Nobody needs to wait for the end. */
export async function seedTls(stdin: string): Promise<void> {
  if (OTHER_STORES.test(stdin)) return;
  await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]).catch(() => {});
}
