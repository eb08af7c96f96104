import assert from "node:assert/strict";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import { RefusedError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { type Kube, makeKube, NOBODY_TOKEN } from "../../support/kube.ts";
import { Objects } from "../../support/objects.ts";
import { NEVER, writeKubeconfig } from "./live.ts";

/** Applies an object of the namespace, and of its status. */
async function apply(kube: Kube, object: Record<string, unknown>, ...flags: string[]): Promise<void> {
  const file = await Deno.makeTempFile({ dir: kube.folder });
  await Deno.writeTextFile(file, JSON.stringify(object));
  await kube.kubectl(...(flags.length > 0 ? flags : ["apply"]), "-f", file);
}

/** A server that answers every request with status 404 and this text, like a proxy or another server. */
function notFound(text: string): { readonly server: string } & AsyncDisposable {
  const listening = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response(text, { status: 404 }),
  );
  return { server: `http://127.0.0.1:${listening.addr.port}`, [Symbol.asyncDispose]: () => listening.shutdown() };
}

Deno.test("findPod and findNode return undefined only if the API server reports that this very object is missing", async () => {
  await using kube = await makeKube();
  using objects = new Objects(kube);
  const status = (reason: string, kind: string, name: string) =>
    JSON.stringify({ kind: "Status", reason, code: 404, details: { kind, name } });
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  assert.equal(await cluster.findPod(objects.ref("none"), NEVER), undefined);
  assert.equal(await cluster.findPod("no-such-namespace/web", NEVER), undefined);
  assert.equal(await cluster.findNode?.("none", NEVER), undefined);
  for (
    const text of [
      "<html><h1>Not Found</h1></html>",
      "404 page not found",
      "{}",
      status("NotFound", "namespaces", "default"),
      status("NotFound", "pods", "other"),
      status("Gone", "pods", "web"),
    ]
  ) {
    await using proxy = notFound(text);
    const kubeconfig = await writeKubeconfig(kube, { token: kube.token }, { server: proxy.server });
    await using behind = await openCluster(denoWorld(), { kubeconfig });
    await assert.rejects(behind.findPod("default/web", NEVER), RefusedError, text);
    await assert.rejects(async () => await behind.findNode?.("web", NEVER), RefusedError, text);
    await assert.rejects(async () => await behind.claims?.("default", NEVER), RefusedError, text);
    await assert.rejects(behind.pods.list(NEVER), Error, text);
  }
  const kubeconfig = await writeKubeconfig(kube, { token: NOBODY_TOKEN });
  await using nobody = await openCluster(denoWorld(), { kubeconfig });
  await assert.rejects(nobody.findPod(objects.ref("web"), NEVER), RefusedError);
  await assert.rejects(async () => await nobody.findNode?.("web", NEVER), RefusedError);
  await assert.rejects(async () => await nobody.claims?.("default", NEVER), RefusedError);
});

Deno.test("findNode reads a node with its Lease", async () => {
  await using kube = await makeKube();
  using objects = new Objects(kube);
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const name = `${kube.namespace}-n1`;
  await objects.node(name);
  assert.deepEqual(await cluster.findNode?.(name, NEVER), { ready: false, outOfService: false });
  const renewTime = "2026-01-01T00:00:00.000001Z";
  await kube.kubectl("create", "namespace", "kube-node-lease").catch(() => {}); // the API server creates it at some point
  await apply(kube, {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name, namespace: "kube-node-lease" },
    spec: { holderIdentity: name, renewTime },
  });
  const conditions = [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }];
  await kube.kubectl(
    "patch",
    "node",
    name,
    "--subresource=status",
    "--type=merge",
    "-p",
    JSON.stringify({ status: { conditions } }),
  );
  assert.deepEqual(await cluster.findNode?.(name, NEVER), {
    ready: true,
    outOfService: false,
    renewed: renewTime,
    since: Date.parse("2026-01-01T00:00:00Z"),
  });
  await kube.kubectl("delete", "lease", name, "-n", "kube-node-lease");
  await objects.clean();
});

Deno.test("claims returns the addresses of ResourceClaims by pod, and undefined if the API server has none", async () => {
  await using kube = await makeKube();
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const { namespace } = kube;
  const served = await kube.kubectl("api-resources", "--api-group=resource.k8s.io", "--output=name");
  if (!served.includes("resourceclaims")) return assert.equal(await cluster.claims?.(namespace, NEVER), undefined); // before Kubernetes 1.34
  assert.deepEqual(await cluster.claims?.(namespace, NEVER), new Map());
  const metadata = { name: "nic", namespace };
  const requests = [{ name: "nic", exactly: { deviceClassName: "nics" } }];
  await apply(kube, {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata,
    spec: { devices: { requests } },
  });
  const device = { driver: "nic.example", pool: "p", device: "d" };
  const allocation = { devices: { results: [{ request: "nic", ...device }] } };
  const patch = async (status: unknown) =>
    void await kube.kubectl(
      "-n",
      namespace,
      "patch",
      "resourceclaim",
      "nic",
      "--subresource=status",
      "--type=merge",
      "-p",
      JSON.stringify({ status }),
    );
  await patch({ allocation, reservedFor: [{ resource: "pods", name: "web", uid: "u" }] });
  await patch({ devices: [{ ...device, networkData: { interfaceName: "net1", ips: ["10.0.0.5/24", "fd00::5/64"] } }] });
  assert.deepEqual(
    await cluster.claims?.(namespace, NEVER),
    new Map([[`${namespace}/web`, new Set(["10.0.0.5", "fd00::5"])]]),
  );
});
