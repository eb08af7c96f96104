/**
 * The pods of a cluster, through the Kubernetes client library. Loaded by commands and controllers, never on the plugin's way.
 *
 * @module
 */
import { createRequire } from "node:module";
import process from "node:process";
import type { V1Pod } from "@kubernetes/client-node";
import { formatIp, parseIp } from "../../src/address/ip.ts";
import type { Cluster } from "../../src/controllers/cluster.ts";
import type { PodFacts } from "../../src/pool/orphans.ts";
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";

const STATUS_ANNOTATION = "k8s.v1.cni.cncf.io/network-status";
const PAGE = 500;

/** Opens the cluster of a kubeconfig; without one, that of the pod this runs in. */
export async function openCluster(kubeconfig: string | undefined): Promise<Cluster> {
  const scope: { require?: unknown } = globalThis;
  scope.require ??= createRequire(import.meta.url); // parts of the library are CommonJS, and a bundle has no require
  process.noDeprecation = true; // theirs, about modules that they use: nothing an operator can do about
  const { CoreV1Api, KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromCluster();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RefusedError(`Cannot use the kubeconfig ${JSON.stringify(kubeconfig)}: ${reason}`, { cause: error });
  }
  const core = config.makeApiClient(CoreV1Api);
  return {
    pods: async (signal) => {
      const pods: PodFacts[] = [];
      let next: string | undefined;
      do {
        signal.throwIfAborted();
        const page = await core.listPodForAllNamespaces({ limit: PAGE, ...(next && { _continue: next }) }).catch(
          toStoreError,
        );
        pods.push(...page.items.map(toPodFacts));
        next = page.metadata?._continue;
      } while (next);
      return pods;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function toStoreError(error: unknown): never {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  const reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
  if (code === 401 || code === 403) {
    throw new RefusedError(`The API server does not allow to list pods: ${reason}`, { cause: error });
  }
  throw new UnavailableError(`Cannot list pods: ${reason}`, { cause: error });
}

/** What a pod tells of its addresses. An annotation that cannot be read tells nothing. */
export function toPodFacts({ metadata, status }: V1Pod): PodFacts {
  const phase = status?.phase ?? "";
  const podRef = `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
  const announced = networkStatus(metadata?.annotations?.[STATUS_ANNOTATION]);
  const own = status?.podIPs?.map(({ ip }) => ip ?? "") ?? [];
  return {
    podRef,
    finished: phase === "Succeeded" || phase === "Failed",
    running: phase === "Running" && metadata?.deletionTimestamp === undefined,
    ...(announced && { addresses: new Set([...announced, ...own].map(canonical)) }),
  };
}

function networkStatus(annotation: string | undefined): string[] | undefined {
  if (!annotation) return undefined;
  try {
    const networks: unknown = JSON.parse(annotation);
    if (!Array.isArray(networks)) return undefined;
    return networks.flatMap((network) => Array.isArray(network?.ips) ? network.ips.map(String) : []);
  } catch {
    return undefined;
  }
}

function canonical(text: string): string {
  const ip = parseIp(text.split("/", 1)[0] ?? "");
  return ip ? formatIp(ip) : text;
}
