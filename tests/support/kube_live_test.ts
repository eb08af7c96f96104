import assert from "node:assert/strict";
import { ControlPlane, type Kube, kubeconfigOf, makeKube, NOBODY_TOKEN } from "./kube.ts";
import { answers, run } from "./process.ts";
import { assets, kubernetesVersion } from "./assets.ts";

const POOL = {
  apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
  kind: "IPPool",
  metadata: { name: "10.10.0.0-30" },
  spec: { range: "10.10.0.0/30", allocations: { "1": { id: "9f1c", podref: "default/web-0", ifname: "net1" } } },
};

async function create(kube: Kube, object: unknown): Promise<void> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(file, JSON.stringify(object));
  await kube.kubectl("create", "-f", file);
  await Deno.remove(file);
}

Deno.test("makeKube serves our custom resources and counts requests", async () => {
  await using kube = await makeKube();
  await create(kube, POOL);
  assert.deepEqual(JSON.parse(await kube.kubectl("get", "ippool", "10.10.0.0-30", "-o", "json")).spec, POOL.spec);
  assert.deepEqual(await kube.requests(), ["create ippools", "get ippools"]);
});

Deno.test("the API server has the chosen version of Kubernetes, or that of KUBEBUILDER_ASSETS", async () => {
  await using kube = await makeKube();
  const folder = await assets("controlPlane");
  const given = folder === Deno.env.get("KUBEBUILDER_ASSETS");
  const { stdout } = await run([`${folder}/kube-apiserver`, "--version"]);
  const expected = given ? stdout.trim().replace("Kubernetes ", "") : `v${kubernetesVersion()}`;
  assert.equal(JSON.parse(await kube.kubectl("get", "--raw", "/version")).gitVersion, expected);
});

Deno.test("makeKube counts a watch once, and other namespaces' requests not at all", async () => {
  await using kube = await makeKube();
  await using other = await makeKube();
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(`${kube.folder}/ca.crt`)] });
  const path = `/apis/whereabouts.cni.cncf.io/v1alpha1/namespaces/${kube.namespace}/ippools?watch=1&timeoutSeconds=1`;
  const response = await fetch(kube.url + path, { client, headers: { Authorization: `Bearer ${kube.token}` } });
  await response.text();
  assert.deepEqual([await kube.requests(), await kube.auditCount()], [["watch ippools"], 1]);
  assert.deepEqual(await other.requests(), []);
});

Deno.test("makeKube's API server holds a patch against the resourceVersion it tests", async () => {
  await using kube = await makeKube();
  await create(kube, POOL);
  const { metadata } = JSON.parse(await kube.kubectl("get", "ippool", "10.10.0.0-30", "-o", "json"));
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(`${kube.folder}/ca.crt`)] });
  const path = `/apis/whereabouts.cni.cncf.io/v1alpha1/namespaces/${kube.namespace}/ippools/10.10.0.0-30`;
  const release = async () => {
    const response = await fetch(kube.url + path, {
      client,
      method: "PATCH",
      headers: { Authorization: `Bearer ${kube.token}`, "Content-Type": "application/json-patch+json" },
      body: JSON.stringify([
        { op: "test", path: "/metadata/resourceVersion", value: metadata.resourceVersion },
        { op: "replace", path: "/spec/allocations", value: {} },
      ]),
    });
    await response.body?.cancel();
    return response.status;
  };
  assert.deepEqual([await release(), await release()], [200, 422]);
});

Deno.test("our custom resources keep everything that the original stored", async () => {
  await using kube = await makeKube();
  const group = { apiVersion: "whereabouts.cni.cncf.io/v1alpha1" };
  const objects = [
    { ...group, kind: "IPPool", metadata: { name: "empty" }, spec: { range: "fd00::/64", allocations: {} } },
    // before v0.6 an entry had no podref, before v0.8 no ifname; an id may be empty
    {
      ...group,
      kind: "IPPool",
      metadata: { name: "old" },
      spec: { range: "10.0.0.0/8", allocations: { 9: { id: "" } } },
    },
    {
      ...group,
      kind: "OverlappingRangeIPReservation",
      metadata: { name: "10.10.0.1" },
      spec: { podref: "default/web-0", containerid: "9f1c", ifname: "net1" },
    },
    {
      ...group,
      kind: "NodeSlicePool",
      metadata: { name: "net1" },
      spec: { range: "10.0.0.0/8", sliceSize: "/10" },
      status: { allocations: [{ nodeName: "", sliceRange: "10.0.0.0/10" }] },
    },
  ];
  for (const object of objects) {
    await create(kube, object);
    const stored = JSON.parse(await kube.kubectl("get", object.kind, object.metadata.name, "-o", "json"));
    const { spec, status } = { status: undefined, ...object };
    assert.deepEqual({ spec: stored.spec, status: stored.status }, { spec, status });
  }
});

Deno.test("makeKube's API server knows the administrator's certificate, and a user who may do nothing", async () => {
  await using kube = await makeKube();
  const kubectl = `${await assets("controlPlane")}/kubectl`;
  const canI = async (user: Record<string, string>) => {
    const file = await Deno.makeTempFile({ suffix: ".json" });
    await Deno.writeTextFile(file, JSON.stringify(kubeconfigOf(kube, user, kube.namespace)));
    const { stdout } = await run([kubectl, "--kubeconfig", file, "auth", "can-i", "create", "ippools"]);
    await Deno.remove(file);
    return stdout.trim();
  };
  const certificate = { "client-certificate": `${kube.folder}/admin.crt`, "client-key": `${kube.folder}/admin.key` };
  assert.deepEqual([await canI(certificate), await canI({ token: NOBODY_TOKEN })], ["yes", "no"]);
});

Deno.test("ControlPlane keeps what it stored over a restart of its API server", async () => {
  await using plane = await ControlPlane.start({ crds: false });
  const { url, folder } = plane.facts;
  const kubectl = `${await assets("controlPlane")}/kubectl`;
  const admin = [kubectl, "--kubeconfig", `${folder}/admin.kubeconfig`];
  const created = await run([...admin, "create", "configmap", "kept"]);
  assert.equal(created.code, 0, created.stderr);
  await plane.stopApiServer();
  assert.equal(await answers(`${url}/readyz`), false);
  await plane.startApiServer();
  const found = await run([...admin, "get", "configmap", "kept", "-o", "name"]);
  assert.deepEqual({ code: found.code, stdout: found.stdout }, { code: 0, stdout: "configmap/kept\n" });
});
