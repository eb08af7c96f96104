/**
 * Reads which programs of ours and of the original a cluster runs.
 *
 * @module
 */
import type { Component, Installation, Role } from "../../src/controllers/installation.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { NotServedError } from "./answer.ts";
import type { ApiServer } from "./api_server.ts";
import { ORIGINAL_IMAGE } from "./facts.ts";
import { type ApiResource, GROUP, OWN, RESOURCES } from "./resources.ts";

/** The default of `controller --lease-name`. */
const LEASE = "whereabouts-controller";
/** The kinds of workloads. */
const WORKLOADS = ["daemonsets", "deployments", "cronjobs"] as const;

interface Container {
  readonly name?: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
}

interface PodTemplate {
  readonly spec?: { readonly containers?: readonly Container[] };
}

/** The used parts of a DaemonSet, a Deployment and a CronJob. */
interface Workload {
  readonly metadata?: { readonly namespace?: string; readonly name?: string };
  readonly spec?: {
    readonly replicas?: number;
    readonly suspend?: boolean;
    readonly template?: PodTemplate;
    readonly jobTemplate?: { readonly spec?: { readonly template?: PodTemplate } };
  };
  readonly status?: {
    readonly desiredNumberScheduled?: number;
    readonly numberReady?: number;
    readonly updatedNumberScheduled?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
  };
}

interface LeaseObject {
  readonly spec?: { readonly holderIdentity?: string; readonly renewTime?: string };
}

/** The used parts of the API server's list of a group's versions, and of a version's resources. */
interface Served {
  readonly versions?: readonly { readonly version?: string }[];
  readonly resources?: readonly { readonly name?: string }[];
}

/** Reads from an API server. */
export function makeInstallation(api: ApiServer): Installation {
  return {
    components: async (signal) => {
      const found: Component[] = [];
      for (const resource of WORKLOADS) {
        const list = await workloads(api, resource, signal);
        found.push(...list.flatMap((one) => toComponent(RESOURCES[resource].kind, one)));
      }
      return found;
    },
    leader: async ({ namespace, lease: name = LEASE }, signal) => {
      const found = await api.request<LeaseObject>({ verb: "get", resource: "leases", namespace, name }, signal);
      const renewed = Date.parse(found?.spec?.renewTime ?? "");
      return found && {
        namespace,
        name,
        holder: found.spec?.holderIdentity ?? "",
        ...(!Number.isNaN(renewed) && { renewed }),
      };
    },
    resources: (signal) => servedVersions(api, signal),
  };
}

async function workloads(api: ApiServer, resource: ApiResource, signal: AbortSignal): Promise<Workload[]> {
  try {
    return await api.list<Workload>({ resource }, signal);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return await api.list<Workload>({ resource, namespace: api.namespace }, signal);
  }
}

/** A workload of ours or of the original; empty for any other. */
export function toComponent(kind: string, { metadata = {}, spec = {}, status = {} }: Workload): Component[] {
  const template = spec.template ?? spec.jobTemplate?.spec?.template;
  for (const container of template?.spec?.containers ?? []) {
    const role = roleOf(container);
    if (!role) continue;
    const lease = role === "controller" ? leaseName(container) : undefined;
    return [{
      role,
      kind,
      namespace: metadata.namespace ?? "",
      name: metadata.name ?? "",
      image: container.image ?? "",
      desired: (kind === "DaemonSet" ? status.desiredNumberScheduled : spec.replicas) ?? 0,
      ready: status.numberReady ?? status.readyReplicas ?? 0,
      updated: status.updatedNumberScheduled ?? status.updatedReplicas ?? 0,
      ...(lease !== undefined && { lease }),
      ...(spec.suspend && { suspended: true as const }),
    }];
  }
  return [];
}

/** By image and arguments: names of objects are the operator's choice. */
function roleOf({ name = "", image = "", command = [], args = [] }: Container): Role | undefined {
  if (ORIGINAL_IMAGE.test(image)) return "original";
  const words = [...command, ...args];
  if (words.includes("install/reconcile.ts")) return "reconciler";
  if (![name, image, ...command].some((text) => text.includes("whereabouts"))) return undefined;
  const [verb] = words.filter((word) => !word.includes("/"));
  if (verb === "install" || verb === "agent") return "agent";
  return verb === "controller" || verb === "reconcile" ? ROLES[verb] : undefined;
}

const ROLES = { controller: "controller", reconcile: "reconciler" } as const;

function leaseName({ command = [], args = [] }: Container): string | undefined {
  const words = [...command, ...args];
  const at = words.findIndex((word) => word.startsWith("--lease-name"));
  return at < 0 ? undefined : words[at]?.split("=", 2)[1] ?? words[at + 1];
}

async function servedVersions(api: ApiServer, signal: AbortSignal): Promise<ReadonlyMap<string, readonly string[]>> {
  const read = async (apiVersion: string): Promise<Served> => {
    try {
      const what = `/apis/${apiVersion}`;
      return await api.request<Served>({ verb: "get", resource: "apis", apiVersion, what }, signal) ?? {};
    } catch (error) {
      if (error instanceof NotServedError) return {};
      throw error;
    }
  };
  const found = new Map<string, string[]>(OWN.map((resource) => [resource, []]));
  for (const { version = "" } of (await read(GROUP)).versions ?? []) {
    for (const { name = "" } of (await read(`${GROUP}/${version}`)).resources ?? []) found.get(name)?.push(version);
  }
  return found;
}
