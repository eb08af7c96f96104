/**
 * Warms up the TLS library of the runtime.
 *
 * The first TLS connection of a process waits some 30 ms until the library has seeded its random generator. Generating a key seeds it on
 * another thread, while the plugin is loaded and the configuration is read. This saves up to a sixth of a direct ADD while a processor is
 * idle; on a busy machine an ADD without it takes 1.03 times as long (`deno task bench --ablation "TLS warm-up"`). Delete this once that ratio
 * is 1 on an idle machine: runtimes before Deno 2.7 did not need it.
 *
 * @module
 */
import type { Call } from "../call/call.ts";

/** Seeds the random generator if the network configuration may lead to a Kubernetes API server. The caller need not wait. */
export async function warmUpTls({ input }: Call): Promise<void> {
  if (!("document" in input) || namesOtherStore(input.document)) return;
  await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]).catch(() => {});
}

/** Whether the configuration itself names another store. A configuration file may name one too; the key is then generated in vain. */
function namesOtherStore(document: unknown): boolean {
  const { ipam } = (document ?? {}) as { readonly ipam?: Readonly<Record<string, unknown>> | null };
  const { datastore, etcd_host, database } = ipam ?? {};
  return datastore === "etcd" || datastore === "embedded" || etcd_host !== undefined || database !== undefined;
}
