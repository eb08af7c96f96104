import assert from "node:assert/strict";
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { put, writeKubeconfig } from "../drivers/kubernetes/live.ts";
import { type Kube, NOBODY_TOKEN } from "../support/kube.ts";
import { must } from "../support/process.ts";
import { makeCluster, type TestCluster } from "./cluster.ts";
import { call, database, type Ran, run } from "./lab.ts";

const SECRET = "s3cretValue99";

/** A kubelet that serves logs, one line with a secret among them. */
function kubelet({ folder }: Kube): { readonly port: number } & AsyncDisposable {
  const [cert, key] = ["crt", "key"].map((name) => Deno.readTextFileSync(`${folder}/server.${name}`));
  const options = { hostname: "127.0.0.1", port: 0, cert: cert ?? "", key: key ?? "", onListen() {} };
  const server = Deno.serve(options, (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const name = searchParams.has("previous") ? "former" : "present";
    return new Response(`${name} log of ${pathname}\netcd_password=${SECRET}\n`);
  });
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function makeInstallation({ kube, objects, define }: TestCluster, port: number): Promise<void> {
  await objects.node("n1");
  const status = {
    addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  };
  await kube.kubectl("patch", "node", "n1", "--subresource=status", "--type=merge", "-p", JSON.stringify({ status }));
  await define("net", { range: "10.70.0.0/24", etcd_password: SECRET, etcd_host: `http://u:${SECRET}@etcd:1` });
  await put(kube, "IPPool", "10.70.0.0-24", {
    range: "10.70.0.0/24",
    allocations: { "1": { id: "c1", podref: "default/web-0", ifname: "net1" } },
  });
  const containers = [{
    name: "controller",
    image: "whereabouts:0.1.0",
    args: ["controller"],
    env: [{ name: "LOGIN", value: SECRET }],
  }];
  const template = { metadata: { labels: { app: "c" } }, spec: { containers } };
  const file = await Deno.makeTempFile({ suffix: ".json" });
  const metadata = { name: "controller" };
  const spec = { replicas: 1, selector: { matchLabels: { app: "c" } }, template };
  await Deno.writeTextFile(file, JSON.stringify({ apiVersion: "apps/v1", kind: "Deployment", metadata, spec }));
  await kube.kubectl("create", "-f", file);
  await objects.pod("controller-0", { spec: { nodeName: "n1", containers } });
  await objects.status("controller-0", {
    containerStatuses: [{ name: "controller", image: "x", imageID: "", ready: true, restartCount: 1 }],
  });
  await objects.pod("web-0", {
    spec: { nodeName: "n1", containers: [{ name: "web", image: "nginx", env: containers[0]?.env }] },
  });
  await kube.kubectl("create", "secret", "generic", "login", `--from-literal=password=${SECRET}`);
}

/** The files of an archive, without their folder. */
async function unpack(path: string): Promise<Map<string, string>> {
  const names = (await must(["tar", "-tzf", path])).trim().split("\n");
  const read = async (name: string) =>
    [name.replace(/^[^/]*\//, ""), await must(["tar", "-xzOf", path, name])] as const;
  return new Map(await Promise.all(names.map(read)));
}

function missingIn(files: ReadonlyMap<string, string>): { readonly what: string; readonly why: string }[] {
  return JSON.parse(files.get("index.json") ?? "").missing;
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function checkFull(cluster: TestCluster, folder: string): Promise<void> {
  const { kube, ask } = cluster;
  const path = `${folder}/whereabouts.tar.gz`;
  const { code, out, err } = await ask("sysdump", "--output", path);
  assert.deepEqual([code, out.split("\n")[0]?.replace(/\d+ files.*/, "")], [0, `Wrote ${path} with `], err);
  assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  const files = await unpack(path);
  const all = [...files.values()].join("\n");
  assert.equal(all.includes(SECRET) || all.includes(btoa(SECRET)), false, "a secret");
  assert.equal(JSON.parse(files.get("objects/ippools.json") ?? "")[0].spec.allocations["1"].podref, "default/web-0");
  assert.equal(JSON.parse(files.get("objects/network-attachment-definitions.json") ?? "")[0].metadata.name, "net");
  const log = `logs/${kube.namespace}/controller-0/controller`;
  const path2 = `/containerLogs/${kube.namespace}/controller-0/controller`;
  assert.equal(files.get(`${log}.log`), `present log of ${path2}\netcd_password=[secret]\n`);
  assert.equal(files.get(`${log}-previous.log`), `former log of ${path2}\netcd_password=[secret]\n`);
  assert.doesNotMatch([...files.keys()].join(), /web-0/, "a pod that is not ours");
  const status = JSON.parse(files.get("commands/status.json") ?? "");
  assert.deepEqual([status.code, status.output.namespace], [3, kube.namespace]);
  assert.deepEqual(missingIn(files).map(({ what }) => what), ["ipamclaims"]);
  const again = await ask("sysdump", "--output", path);
  assert.deepEqual([again.code, again.out], [1, ""]);
  assert.match(again.err, /it exists; select another with --output/);
}

async function checkNarrow({ kube }: TestCluster, folder: string): Promise<void> {
  const resources = ["ippools", "overlappingrangeipreservations", "nodeslicepools"]
    .map((one) => `${one}.whereabouts.cni.cncf.io`).join();
  await kube.kubectl("create", "role", "narrow", "--verb=list", `--resource=${resources}`);
  await kube.kubectl("create", "rolebinding", "narrow", "--role=narrow", "--user=nobody");
  const kubeconfig = await writeKubeconfig(kube, { token: NOBODY_TOKEN });
  const path = `${folder}/narrow.tar.gz`;
  const { code, err } = await call({ openCluster }, "sysdump", "--output", path, "--kubeconfig", kubeconfig);
  assert.equal(code, 0, err);
  const files = await unpack(path);
  assert(files.has("objects/ippools.json"));
  const missing = new Map(missingIn(files).map(({ what, why }) => [what, why]));
  for (const what of ["workloads", "nodes", "events", "network-attachment-definitions", `pods of ${kube.namespace}`]) {
    assert.match(missing.get(what) ?? "", /forbidden.*needs the verb "list"/, what);
  }
}

Deno.test("sysdump writes an archive without secrets, and lists what it could not read", async (t) => {
  await using cluster = await makeCluster();
  await using node = kubelet(cluster.kube);
  await makeInstallation(cluster, node.port);
  await inFolder(async (folder) => {
    await t.step("with all rights", () => checkFull(cluster, folder));
    await t.step("with few rights", () => checkNarrow(cluster, folder));
    await t.step("of a server that does not answer", async () => {
      const path = `${folder}/none.tar.gz`;
      const kubeconfig = await writeKubeconfig({ ...cluster.kube, url: "https://127.0.0.1:1" }, { token: SECRET });
      const ran: Ran = await call({ openCluster }, "sysdump", "--output", path, "--kubeconfig", kubeconfig);
      assert.equal(ran.code, 0, ran.err);
      const files = await unpack(path);
      assert.deepEqual([[...files.keys()], missingIn(files).map(({ what }) => what)], [["index.json"], ["store"]]);
    });
  });
});

Deno.test("sysdump of a store without a cluster has its pools and checks, and the history of the node", async () => {
  await using db = await database();
  await inFolder(async (folder) => {
    const line = JSON.stringify({
      time: "2026-11-29T12:00:00Z",
      event: "allocated",
      ip: "10.0.0.1",
      pod: "default/web-0",
    });
    await Deno.writeTextFile(`${folder}/history.jsonl`, `${line}\n`);
    await Deno.writeTextFile(`${folder}/pods`, "default/web-0\n");
    const path = `${folder}/dump.tar.gz`;
    const args = ["--journal", folder, "--pods", `${folder}/pods`, "--database", db.path];
    const { code, err } = await run("sysdump", "--output", path, ...args);
    assert.equal(code, 0, err);
    const files = await unpack(path);
    assert.equal(files.get("node/history.jsonl"), `${line}\n`);
    assert.equal(JSON.parse(files.get("commands/show.json") ?? "").output.length, 2);
    assert.equal(JSON.parse(files.get("commands/check.json") ?? "").code, 3);
    const unwritable = await run("sysdump", "--output", `${path}/x.tar.gz`, ...args);
    assert.deepEqual([unwritable.code, unwritable.out], [1, ""]);
  });
});
