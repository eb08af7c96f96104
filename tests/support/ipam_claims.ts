/**
 * IPAMClaims and StatefulSets in a namespace of a real API server, as their owners create them.
 *
 * @module
 */
import type { Kube } from "./kube.ts";
import { must } from "./process.ts";

const MODULE = "github.com/k8snetworkplumbingwg/ipamclaims";
const VERSION = "v0.5.1-alpha";

/** Applies the definition of IPAMClaims, from its Go module, and waits until it is served. */
export async function applyIpamClaims({ kubectl }: Pick<Kube, "kubectl">): Promise<void> {
  const { Dir: folder } = JSON.parse(await must(["go", "mod", "download", "-json", `${MODULE}@${VERSION}`]));
  await kubectl("apply", "-f", `${folder}/artifacts/k8s.cni.cncf.io_ipamclaims.yaml`);
  await kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/ipamclaims.k8s.cni.cncf.io");
}

/** Creates an IPAMClaim. @returns its uid */
export async function createClaim(kube: Kube, name: string, network = "net"): Promise<string> {
  return await create(kube, "k8s.cni.cncf.io/v1alpha1", "IPAMClaim", name, { network, interface: "" });
}

/** Creates a StatefulSet, of which no controller makes pods. @returns its uid */
export async function createSet(kube: Kube, name: string, replicas: number, start = 0): Promise<string> {
  const labels = { app: name };
  return await create(kube, "apps/v1", "StatefulSet", name, {
    replicas,
    ordinals: { start },
    serviceName: name,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "none" }] } },
  });
}

async function create(kube: Kube, apiVersion: string, kind: string, name: string, spec: unknown): Promise<string> {
  const file = await Deno.makeTempFile({ dir: kube.folder });
  await Deno.writeTextFile(file, JSON.stringify({ apiVersion, kind, metadata: { name }, spec }));
  return (await kube.kubectl("create", "-f", file, "-o", "jsonpath={.metadata.uid}")).trim();
}
