import assert from "node:assert/strict";
import { run } from "./process.ts";

const PREFLIGHT = new URL("preflight.ts", import.meta.url).pathname;

/** Runs the preflight of root, with an apt-get that logs its calls and installs the programs that are given, or fails. */
async function preflight(apt: string) {
  const folder = await Deno.makeTempDir({ prefix: "preflight-" });
  try {
    const script = (name: string, body: string) =>
      Deno.writeTextFile(`${folder}/${name}`, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    for (const name of ["sh", "unshare", "true", "cp"]) await Deno.symlink(`/usr/bin/${name}`, `${folder}/${name}`);
    for (const name of ["npm", "find", "git", "ip", "ldd", "nsenter", "openssl", "ps", "script", "setpriv", "tar"]) {
      await script(name, "");
    }
    await script("go", "echo go1.26.0");
    await script("node", "echo v22.0.0");
    await script("apt-get", `echo "$*" >>${folder}/log\n${apt.replaceAll("FOLDER", folder)}`);
    const { code, stderr } = await run([Deno.execPath(), "run", "-A", PREFLIGHT, "test"], { env: { PATH: folder } });
    return { code, stderr, log: (await Deno.readTextFile(`${folder}/log`)).trim().split("\n") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the preflight of root installs the packages of missing programs, and then finds them", async () => {
  const { code, stderr, log } = await preflight("cp FOLDER/npm FOLDER/buildah; cp FOLDER/npm FOLDER/ping");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^preflight: installing buildah iputils-ping$/m);
  assert.deepEqual(log, ["update -q", "install -y -q --no-install-recommends buildah iputils-ping"]);
});

Deno.test("the preflight lists a program that its package did not bring", async () => {
  const { code, stderr } = await preflight("cp FOLDER/npm FOLDER/ping");
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot run deno task test here. Missing:\n {2}- programs: .* buildah$/m);
});

Deno.test("the preflight reports that apt failed, with the command to repeat", async () => {
  const { code, stderr } = await preflight("exit 100");
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot install packages: apt-get install .* exited with code 100$/m);
});
