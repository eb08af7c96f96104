/**
 * Whether an API server is ready for the plugin: it answers, serves the resources, allows the verbs.
 *
 * @module
 */
import type { Finding } from "../../src/install/preflight.ts";
import type { World } from "../../src/world/world.ts";
import { type KubeconfigChoice, readAccess } from "./access.ts";
import { toReachError } from "./reach.ts";
import { messageOf } from "./answer.ts";
import { connect } from "./connect.ts";
import { API_VERSION, GROUP, KINDS, type Resource } from "./resources.ts";
import { CHECKED, type Checked, droppedFields, DRY_RUN, outdatedWhy, probeObject, requiredFields } from "./schema.ts";
import { type Access, secretsOf, type Transport } from "./transport.ts";

/** Milliseconds for each request. */
const LIMIT = 10_000;

/** What ADD, DEL, CHECK and STATUS ask for. The node's role in `install/manifests/` allows this and no more. */
export const NODE_VERBS: Readonly<Record<Resource, readonly string[]>> = {
  ippools: ["get", "list", "create", "patch"],
  overlappingrangeipreservations: ["get", "list", "create", "patch", "delete"],
  nodeslicepools: ["get"],
};

/** Looks with the credentials of a kubeconfig; without one, of the pod this runs in. Never rejects. */
export async function inspectApi(world: World, choice: KubeconfigChoice): Promise<readonly Finding[]> {
  let access: Access;
  try {
    access = await readAccess(world, choice);
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
    const schemas = await Promise.all(
      CHECKED.filter((resource) => served.has(`${resource}.${GROUP}`))
        .map((resource) => inspectSchema(access, transport, resource)),
    );
    return [{ what }, ...resources, ...verbs, ...schemas.flat()];
  } catch (error) {
    const failure = error instanceof AnswerError ? error : toReachError(error, access, "to inspect it");
    return [{ what, problem: failure.message }];
  }
}

async function servedResources(access: Access, transport: Transport): Promise<ReadonlySet<string>> {
  const { status, text } = await send(access, transport, `/apis/${API_VERSION}`);
  if (status === 404) return new Set();
  if (status !== 200) throw refusal(access, status, text);
  const { resources } = parse(text);
  if (!Array.isArray(resources)) throw new AnswerError(`The answer on /apis/${API_VERSION} is not a list of resources`);
  return new Set(resources.map((resource) => `${resource?.name}.${GROUP}`));
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
    if (status !== 201) throw refusal(access, status, text);
    const { status: review } = parse(text) as { readonly status?: { readonly allowed?: unknown } };
    if (review?.allowed !== true) denied.push(verb);
  }
  if (denied.length === 0) return { what };
  return { what, problem: `Not allowed to ${denied.join(", ")}: kubectl apply -f install/manifests/rbac.yaml` };
}

/** Asks the API server, by a dry run, which of the members that we write the schema in use drops. Nothing where that is not allowed. */
async function inspectSchema(access: Access, transport: Transport, resource: Checked): Promise<Finding[]> {
  const path = `/apis/${API_VERSION}/namespaces/${encodeURIComponent(access.namespace)}/${resource}`;
  const query = new URLSearchParams(DRY_RUN).toString();
  const { status, headers } = await send(access, transport, `${path}?${query}`, probeObject(resource));
  if (status !== 201) return []; // what is not allowed is another finding's
  const what = `Schema of ${resource}.${GROUP}`;
  const dropped = droppedFields(headers.get("warning") ?? "");
  if (dropped.length === 0) return [{ what }];
  const problem = outdatedWhy(dropped);
  return [requiredFields(resource, dropped).length > 0 ? { what, problem } : { what, problem, warning: true }];
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

/** The API server answers, and not as it should. */
class AnswerError extends Error {
  override readonly name = "AnswerError";
}

function refusal(access: Access, status: number, text: string): Error {
  return new AnswerError(`The API server refuses: ${messageOf(parse(text), status, secretsOf(access))}`);
}

/** A document of an answer; an empty object where it is none. */
function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
  } catch {
    return {};
  }
}
