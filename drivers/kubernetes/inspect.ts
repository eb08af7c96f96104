/**
 * Whether an API server is ready for the plugin: it answers, serves the resources, allows the verbs.
 *
 * @module
 */
import type { Finding } from "../../src/install/preflight.ts";
import type { World } from "../../src/world/world.ts";
import { connect, rootMessage, type Transport } from "./http.ts";
import { type Access, readAccess } from "./kubeconfig.ts";
import { API_VERSION, GROUP, KINDS, type Resource } from "./resources.ts";

/** Milliseconds for each request. */
const LIMIT = 10_000;

/** What ADD, DEL, CHECK and STATUS ask for. The node's role in `install/manifests/` allows this and no more. */
export const NODE_VERBS: Readonly<Record<Resource, readonly string[]>> = {
  ippools: ["get", "list", "create", "patch"],
  overlappingrangeipreservations: ["get", "list", "create", "patch", "delete"],
  nodeslicepools: ["get"],
};

/** Looks with the credentials of a kubeconfig; without one, of the pod this runs in. Never rejects. */
export async function inspectApi(world: World, kubeconfig: string | undefined): Promise<readonly Finding[]> {
  let access: Access;
  try {
    access = await readAccess(world, kubeconfig);
  } catch (error) {
    return [{ what: "Kubernetes API", problem: error instanceof Error ? error.message : String(error) }];
  }
  const what = `Kubernetes API ${access.server}`;
  try {
    using transport = connect(access);
    const served = await servedResources(access, transport);
    const verbs = await Promise.all(
      Object.keys(KINDS).map((resource) => inspectVerbs(access, transport, resource as Resource)),
    );
    const names = Object.keys(KINDS).map((name) => `${name}.${GROUP}`);
    const resources = names.map((name) =>
      served.has(name)
        ? { what: `Resource ${name}` }
        : { what: `Resource ${name}`, problem: "Not served: kubectl apply -f install/manifests/crds" }
    );
    return [{ what }, ...resources, ...verbs];
  } catch (error) {
    return [{ what, problem: rootMessage(error) }];
  }
}

async function servedResources(access: Access, transport: Transport): Promise<ReadonlySet<string>> {
  const { status, text } = await send(access, transport, `/apis/${API_VERSION}`);
  if (status === 404) return new Set();
  if (status !== 200) throw refusal(status, text);
  const { resources = [] }: { resources?: { name: string }[] } = JSON.parse(text);
  return new Set(resources.map(({ name }) => `${name}.${GROUP}`));
}

/** Asks the API server what it allows us, as `kubectl auth can-i` does. */
async function inspectVerbs(access: Access, transport: Transport, resource: Resource): Promise<Finding> {
  const what = `Permission for ${resource} in namespace ${access.namespace}`;
  const denied: string[] = [];
  for (const verb of NODE_VERBS[resource]) {
    const attributes = { namespace: access.namespace, group: GROUP, resource, verb };
    const body = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: attributes },
    };
    const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    const { status, text } = await send(access, transport, path, body);
    if (status !== 201) throw refusal(status, text);
    if (JSON.parse(text).status?.allowed !== true) denied.push(verb);
  }
  if (denied.length === 0) return { what };
  return { what, problem: `Not allowed to ${denied.join(", ")}: kubectl apply -f install/manifests/rbac.yaml` };
}

async function send(access: Access, transport: Transport, path: string, body?: unknown) {
  return await transport.send(`${access.server}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      accept: "application/json",
      ...(access.token !== undefined && { authorization: `Bearer ${access.token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    redirect: "manual",
    signal: AbortSignal.timeout(LIMIT),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

function refusal(status: number, text: string): Error {
  return new Error(`The API server answered ${status}: ${text.slice(0, 200)}`);
}
