import assert from "node:assert/strict";
import { run } from "./process.ts";

const ASSETS = new URL("./assets.ts", import.meta.url).pathname;

/** Folders of a machine: that of `KUBEBUILDER_ASSETS`, and one of the cache. */
type Folder = "assets" | `cache/kubernetes-v${string}`;

/** Asks for assets on a machine with a shell, no Go, and binaries in one folder. `kubernetes` is the chosen version. */
async function ask(
  binaries: readonly string[],
  groups: readonly string[] = [],
  { folder: where = "assets", kubernetes = "" }: { readonly folder?: Folder; readonly kubernetes?: string } = {},
) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/bin`);
    await Deno.symlink("/bin/sh", `${folder}/bin/sh`);
    await Deno.mkdir(`${folder}/${where}`, { recursive: true });
    for (const name of binaries) await Deno.writeTextFile(`${folder}/${where}/${name}`, "");
    const env = {
      PATH: `${folder}/bin`,
      KUBEBUILDER_ASSETS: `${folder}/assets`,
      WHEREABOUTS_TEST_CACHE: `${folder}/cache`,
      WHEREABOUTS_TEST_KUBERNETES: kubernetes,
    };
    const { code, stdout, stderr } = await run([Deno.execPath(), "run", "-A", ASSETS, ...groups], { env });
    return { code, stdout: stdout.replace(folder, ""), stderr };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("assets takes KUBEBUILDER_ASSETS when it has the whole group", async () => {
  const { code, stdout } = await ask(["etcd", "kube-apiserver", "kubectl"]);
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "/assets\n" });
});

Deno.test("assets says what to install or set when it cannot build", async () => {
  const { code, stderr } = await ask(["etcd", "kubectl"]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^Cannot build etcd, kube-apiserver, kubectl \(Kubernetes 1\.\d+\.\d+\): Go is not installed. Install Go .* KUBEBUILDER_ASSETS/m,
  );
});

Deno.test("assets names its groups to who asks for another", async () => {
  const { code, stderr } = await ask([], ["nodes"]);
  assert.equal(code, 1);
  assert.match(stderr, /Unknown group "nodes": wanted .*controlPlane/);
});

Deno.test("assets are those of the version of Kubernetes that WHEREABOUTS_TEST_KUBERNETES names", async () => {
  const binaries = ["etcd", "kube-apiserver", "kubectl"];
  const folder = "cache/kubernetes-v1.20.3";
  const chosen = await ask(binaries, [], { folder, kubernetes: "1.20.3" });
  assert.deepEqual(chosen, { code: 0, stdout: `/${folder}\n`, stderr: "" });
  const another = await ask(binaries, [], { folder, kubernetes: "1.20.4" });
  assert.equal(another.code, 1);
  assert.match(another.stderr, /^Cannot build etcd, kube-apiserver, kubectl \(Kubernetes 1\.20\.4\)/m);
});

Deno.test("programs of other projects are the same beside every version of Kubernetes", async () => {
  const { code, stderr } = await ask(["helm"], ["helm"], { folder: "cache/kubernetes-v1.20.3", kubernetes: "1.20.3" });
  assert.equal(code, 1);
  assert.doesNotMatch(stderr, /1\.20\.3/);
});

Deno.test("assets refuses a version of Kubernetes that is none", async () => {
  for (const kubernetes of ["v1.36.3", "1.36", "latest"]) {
    const { code, stderr } = await ask([], [], { kubernetes });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`WHEREABOUTS_TEST_KUBERNETES: expected a version like 1.*, got "${kubernetes}"`));
  }
});
