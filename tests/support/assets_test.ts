import assert from "node:assert/strict";
import { run } from "./process.ts";

const ASSETS = new URL("./assets.ts", import.meta.url).pathname;

/** Asks for assets on a machine with a shell, an empty cache and no Go. */
async function ask(binaries: readonly string[], ...groups: string[]) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/bin`);
    await Deno.symlink("/bin/sh", `${folder}/bin/sh`);
    await Deno.mkdir(`${folder}/assets`);
    for (const name of binaries) await Deno.writeTextFile(`${folder}/assets/${name}`, "");
    const env = {
      PATH: `${folder}/bin`,
      KUBEBUILDER_ASSETS: `${folder}/assets`,
      WHEREABOUTS_TEST_CACHE: `${folder}/cache`,
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
    /^Cannot build etcd, kube-apiserver, kubectl: Go is not installed. Install Go .* KUBEBUILDER_ASSETS/m,
  );
});

Deno.test("assets names its groups to who asks for another", async () => {
  const { code, stderr } = await ask([], "nodes");
  assert.equal(code, 1);
  assert.match(stderr, /Unknown group "nodes": wanted .*controlPlane/);
});
