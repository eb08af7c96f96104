/**
 * The files of a throwaway control plane: what it needs to start, what its clients need, and its audit log.
 *
 * @module
 */
import { writeAuthority, writeCertificate, writeKeyPair } from "./certificates.ts";

/** The facts of a control plane, as they stand in its folder. */
export interface KubeFacts {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** The folder with `ca.crt`, `admin.crt`, `admin.key` and `admin.kubeconfig`. */
  readonly folder: string;
}

/** The token of a user who may do everything. */
export const ADMIN_TOKEN = "test-admin-token";
/** A user who may do nothing. */
export const NOBODY_TOKEN = "test-nobody-token";

/** What is read of an event in the audit log. */
export interface AuditEvent {
  readonly auditID: string;
  readonly verb: string;
  readonly objectRef: { readonly apiGroup?: string; readonly resource: string };
  readonly responseStatus?: { readonly code?: number };
  /** When the request arrived, RFC 3339. */
  readonly requestReceivedTimestamp: string;
}

/** Writes what a control plane needs before it starts: certificates, keys, tokens, and the policy of its audit log. */
export async function writeServerFiles(folder: string): Promise<void> {
  await writeAuthority(folder);
  const names = "subjectAltName=DNS:localhost,DNS:kubernetes,IP:127.0.0.1";
  await writeCertificate(folder, "server", "/CN=kube-apiserver", names);
  await writeCertificate(folder, "admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth");
  await writeKeyPair(folder, "sa");
  await Deno.writeTextFile(
    `${folder}/tokens.csv`,
    `${ADMIN_TOKEN},admin,admin,"system:masters"\n${NOBODY_TOKEN},nobody,nobody\n`,
  );
  const policy = {
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    omitStages: ["RequestReceived"],
    rules: [
      { level: "Metadata", resources: [{ group: "whereabouts.cni.cncf.io" }, { group: "coordination.k8s.io" }] },
      { level: "None" },
    ],
  };
  await Deno.writeTextFile(`${folder}/audit-policy.json`, JSON.stringify(policy));
}

/** A kubeconfig for a user of a control plane. */
export function kubeconfigOf(
  facts: KubeFacts,
  user: Record<string, string>,
  namespace?: string,
): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "local", cluster: { server: facts.url, "certificate-authority": `${facts.folder}/ca.crt` } }],
    users: [{ name: "whereabouts", user }],
    contexts: [{
      name: "whereabouts-context",
      context: { cluster: "local", user: "whereabouts", ...(namespace && { namespace }) },
    }],
    "current-context": "whereabouts-context",
  };
}

/** What the API server logged of requests in a namespace. A watch is logged when it begins and when it ends, under one id: it counts once. */
export async function auditOf(log: string, namespace: string): Promise<readonly AuditEvent[]> {
  const lines = (await Deno.readTextFile(log)).split("\n");
  const events: AuditEvent[] = lines.filter((line) => line.includes(`"namespace":"${namespace}"`))
    .map((line) => JSON.parse(line));
  return [...new Map(events.map((event) => [event.auditID, event])).values()];
}
