/**
 * Checks whether an API server is ready for the plugin: it answers, serves the resources, and allows the verbs.
 *
 * @module
 */
import type { Finding } from "../../src/install/preflight.ts";
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { startDeadline } from "../../src/async/deadline.ts";
import { messageOf } from "../../src/values/errors.ts";
import type { World } from "../../src/world/world.ts";
import type { KubeconfigChoice } from "./access.ts";
import { NotServedError } from "./answer.ts";
import { ApiServer } from "./api_server.ts";
import type { ApiRequest } from "./request.ts";
import { API_VERSION, GROUP, OWN, type Resource, RESOURCES } from "./resources.ts";
import { CHECKED, type Checked, outdatedWhy, probeSchema, requiredFields } from "./schema.ts";

/** Milliseconds for each request: as long as an attempt of the store. */
const TIMEOUT = 10_000;

/** The verbs that ADD, DEL, CHECK and STATUS need. The node's role in `install/manifests/` allows exactly these. */
export const NODE_VERBS: Readonly<Record<Resource, readonly string[]>> = {
  ippools: ["get", "list", "create", "patch"],
  overlappingrangeipreservations: ["get", "list", "create", "patch", "delete"],
  nodeslicepools: ["get"],
};

/** Inspects an API server with the credentials of a kubeconfig, or without one, of this pod. Never rejects. */
export async function inspectApi(world: World, choice: KubeconfigChoice): Promise<readonly Finding[]> {
  let what = "Kubernetes API";
  try {
    using api = await ApiServer.open(world, choice);
    what = `Kubernetes API ${api.url}`;
    const limited = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
      const timeout = new UnavailableError(`The API server ${api.url} did not answer within ${TIMEOUT / 1_000} s`);
      using deadline = startDeadline(world, TIMEOUT, timeout);
      return await work(deadline.signal);
    };
    const send: Send = (request) => limited((signal) => api.request(request, signal));
    const served = await servedResources(send);
    const verbs = await Promise.all(OWN.map((resource) => inspectVerbs(send, api.namespace, resource)));
    const resources = OWN.map((resource) => ({
      what: `Resource ${resource}.${GROUP}`,
      ...(!served.has(resource) && { problem: "Not served: kubectl apply -f install/manifests/crds" }),
    }));
    const schemas = await Promise.all(
      CHECKED.filter((resource) => served.has(resource))
        .map((resource) => inspectSchema(resource, () => limited((signal) => probeSchema(api, resource, signal)))),
    );
    return [{ what }, ...resources, ...verbs, ...schemas.flat()];
  } catch (error) {
    return [{ what, problem: messageOf(error) }];
  }
}

type Send = (request: ApiRequest) => Promise<object | undefined>;

async function servedResources(send: Send): Promise<ReadonlySet<string>> {
  const what = `/apis/${API_VERSION}`;
  try {
    const list = await send({ verb: "get", resource: "apis", apiVersion: API_VERSION, what });
    const { resources } = (list ?? {}) as { readonly resources?: readonly { readonly name?: string }[] };
    if (!Array.isArray(resources)) throw new RefusedError(`The answer on ${what} is not a list of resources`);
    return new Set(resources.map((resource) => `${resource?.name}`));
  } catch (error) {
    if (error instanceof NotServedError) return new Set();
    throw error;
  }
}

/** Checks which verbs the API server allows, as `kubectl auth can-i` does. */
async function inspectVerbs(send: Send, namespace: string, resource: Resource): Promise<Finding> {
  const what = `Permission for ${resource} in namespace ${namespace}`;
  const denied: string[] = [];
  for (const verb of NODE_VERBS[resource]) {
    const body = {
      ...RESOURCES.selfsubjectaccessreviews,
      spec: { resourceAttributes: { namespace, group: GROUP, resource, verb } },
    };
    const review = await send({ verb: "create", resource: "selfsubjectaccessreviews", body }) as {
      readonly status?: { readonly allowed?: unknown };
    } | undefined;
    if (review?.status?.allowed !== true) denied.push(verb);
  }
  if (denied.length === 0) return { what };
  return { what, problem: `Not allowed to ${denied.join(", ")}: kubectl apply -f install/manifests/rbac.yaml` };
}

/** Checks which of the members that we write the API server drops. Without permission for the check, no finding. */
async function inspectSchema(resource: Checked, probe: () => Promise<readonly string[]>): Promise<Finding[]> {
  const what = `Schema of ${resource}.${GROUP}`;
  try {
    const dropped = await probe();
    if (dropped.length === 0) return [{ what }];
    const problem = outdatedWhy(dropped);
    return [requiredFields(resource, dropped, {}).length > 0 ? { what, problem } : { what, problem, warning: true }];
  } catch (error) {
    if (error instanceof RefusedError) return []; // another finding reports the missing permission
    throw error;
  }
}
