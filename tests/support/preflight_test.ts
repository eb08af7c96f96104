import assert from "node:assert/strict";
import { isAtLeast, type Machine, problemsOf } from "./preflight.ts";
import { run } from "./process.ts";

const PREFLIGHT = new URL("preflight.ts", import.meta.url).pathname;

const READY: Machine = {
  uid: 0,
  packages: [],
  apt: true,
  versions: { go: "go1.26.8", node: "v20.20.2" },
  npm: true,
  namespaces: undefined,
  groups: undefined,
};

Deno.test("problemsOf finds nothing where nothing is missing, or where apt can install it", () => {
  assert.deepEqual(problemsOf(READY), []);
  assert.deepEqual(problemsOf({ ...READY, packages: ["buildah"] }), []);
});

Deno.test("problemsOf lists everything that is missing at the same time, each with its remedy", () => {
  const problems = problemsOf({
    uid: 1000,
    packages: ["buildah", "iproute2"],
    apt: true,
    versions: { go: "go1.19.8", node: "" },
    npm: false,
    namespaces: "unshare failed: Operation not permitted",
    groups: "no controller cpu",
  });
  assert.deepEqual(problems, [
    "root: the tests create network namespaces, and the user id is 1000; run this as root",
    "Go 1.26 or newer: found go1.19.8; install it from https://go.dev/dl",
    "Node.js 20 or newer: not found; install it from https://nodejs.org",
    "npm: not found; install it with Node.js",
    "network namespaces: unshare failed: Operation not permitted; run this where root may create them",
    "control groups: no controller cpu",
    "programs: apt-get install -y --no-install-recommends buildah iproute2",
  ]);
});

Deno.test("problemsOf names the packages where there is no apt", () => {
  assert.deepEqual(problemsOf({ ...READY, packages: ["runc"], apt: false }), [
    "programs: apt-get install -y --no-install-recommends runc",
  ]);
});

Deno.test("isAtLeast compares versions by their numbers", () => {
  for (const printed of ["go1.26", "go1.26.0", "go1.27rc1", "go2.0", "v26.0.1"]) {
    assert(isAtLeast(printed, [1, 26]), printed);
  }
  for (const printed of ["", "go1.9.9", "go1.25.12", "devel"]) assert(!isAtLeast(printed, [1, 26]), printed);
});

/** Runs the preflight with the programs of a folder alone. `programs` are names with the body of a shell script. */
async function preflight(purpose: string, programs: Readonly<Record<string, string>>) {
  const folder = await Deno.makeTempDir({ prefix: "preflight-" });
  try {
    const script = (name: string, body: string) =>
      Deno.writeTextFile(`${folder}/${name}`, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    for (const [name, body] of Object.entries(programs)) await script(name, body.replaceAll("FOLDER", folder));
    await Deno.symlink("/bin/sh", `${folder}/sh`);
    const { code, stderr } = await run([Deno.execPath(), "run", "-A", PREFLIGHT, purpose], { env: { PATH: folder } });
    return { code, stderr };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const TOOLS = {
  go: "echo go1.26.0",
  node: "echo v22.0.0",
  npm: "",
  ...Object.fromEntries(
    ["find", "git", "ip", "ldd", "nsenter", "openssl", "ps", "script", "setpriv", "tar", "unshare"].map((
      name,
    ) => [name, ""]),
  ),
};

Deno.test("the preflight prints one list of what is missing, and fails", async () => {
  const { code, stderr } = await preflight("test", { ...TOOLS, go: "echo go1.20.1", node: "echo v18.0.0" });
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot run deno task test here. Missing:\n/);
  assert.match(stderr, /^ {2}- Go 1\.26 or newer: found go1\.20\.1; /m);
  assert.match(stderr, /^ {2}- Node\.js 20 or newer: found v18\.0\.0; /m);
  assert.match(stderr, /^ {2}- programs: apt-get install -y --no-install-recommends .*buildah .*iputils-ping/m);
  assert.doesNotMatch(stderr, /iproute2|openssl/);
});

Deno.test("the preflight refuses an unknown purpose", async () => {
  const { code, stderr } = await preflight("bench", TOOLS);
  assert.deepEqual({ code, stderr }, { code: 1, stderr: 'Unknown purpose "bench": expected test or e2e\n' });
});
