import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { runtimeOf, sha256Of } from "../../install/runtime.ts";
import { binary } from "../support/binary.ts";
import { compiler } from "../support/denort.ts";
import { imageArchive, librariesOf, productImage, reconcilerImage } from "../support/image.ts";
import { type Finished, must, run } from "../support/process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const PROGRAM = await binary();

/**
 * Libraries of `gcr.io/distroless/cc-debian12`, which has the packages libc6, libgcc-s1, libgomp1 and libstdc++6 of Debian 12. Only those of
 * libc6 and libgcc-s1 are listed: the base would have to provide any other one.
 */
const NEEDED = ["libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0", "librt.so.1"];

Deno.test("the binary is linked only to libraries of the base image", async () => {
  const names = (await librariesOf(PROGRAM)).map((path) => path.replace(/.*\//, ""));
  assert.deepEqual(names.filter((name) => !name.startsWith("ld-linux")).sort(), NEEDED);
});

/** Runs a program in a root file system as a container does: with a proc of its own, and no network. */
async function runInside(
  root: string,
  folder: string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const inside = 'mkdir -p "$0/proc" && mount -t proc proc "$0/proc" && exec unshare --root="$0" --wd="$1" "${@:2}"';
  const unshared = ["unshare", "--net", "--mount", "--pid", "--fork", "bash", "-c", inside, root, folder, ...command];
  return await run(unshared, { clearEnv: true, env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env } });
}

Deno.test("the binary runs in the root file system of the image alone", async () => {
  const { entries, name } = await productImage(PROGRAM, "localhost/whereabouts:test");
  const folder = await Deno.makeTempDir({ prefix: "image-" });
  try {
    await Deno.writeFile(`${folder}/archive.tar`, await imageArchive([{ name, entries }]));
    await must(["tar", "-xf", "archive.tar"], { cwd: folder });
    const index = JSON.parse(await Deno.readTextFile(`${folder}/index.json`));
    const blob = (digest: string) => `${folder}/blobs/${digest.replace(":", "/")}`;
    const manifest = JSON.parse(await Deno.readTextFile(blob(index.manifests[0].digest)));
    await Deno.mkdir(`${folder}/root`);
    await must(["tar", "-xf", blob(manifest.layers[0].digest), "-C", `${folder}/root`]);
    const { code, stderr } = await runInside(`${folder}/root`, "/", ["/usr/bin/whereabouts"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^whereabouts \d/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the reconciler's image runs its script as the CronJob does, from a complete cache", async () => {
  const { name, entries, entrypoint = [], env = [] } = await reconcilerImage("localhost/reconciler:test");
  const [{ spec }] = parseAllDocuments(await Deno.readTextFile(`${ROOT}install/manifests/reconciler.yaml`))
    .map((document) => document.toJS());
  assert.deepEqual(spec.jobTemplate.spec.template.spec.containers[0].command, entrypoint);
  const folder = await Deno.makeTempDir({ prefix: "image-" });
  try {
    assert(entries instanceof Uint8Array, name);
    await Deno.writeFile(`${folder}/root.tar`, entries);
    await must(["tar", "-xf", "root.tar"], { cwd: folder });
    const [program = "", ...args] = entrypoint;
    const variables = Object.fromEntries(env.map((one) => one.split("=")));
    const command = [`/usr/bin/${program}`, ...args, "--help"];
    const { code, stdout, stderr } = await runInside(folder, "/whereabouts", command, variables);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Sweep once: free addresses/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the Dockerfile ends with a distroless stage that contains only the binary, and copies files that exist", async () => {
  const text = await Deno.readTextFile(`${ROOT}Dockerfile`);
  assert.match(text, /^ARG BASE=gcr\.io\/distroless\/cc-debian12:nonroot$/m);
  assert.match(text, /^ARG DENO_IMAGE=denoland\/deno:\d+\.\d+\.\d+$/m);
  assert.match(text, /--release --runtime-sha256 "\$RUNTIME_SHA256" --image "\$DENO_IMAGE" --image "\$BASE"/);
  const last = text.slice(text.lastIndexOf("\nFROM "));
  assert.deepEqual(last.match(/^COPY .*$/gm), ["COPY --from=build /out/whereabouts /usr/bin/whereabouts"]);
  assert.doesNotMatch(text, /:latest\b/);
  for (const [, sources = ""] of text.matchAll(/^COPY (?!--)(.*) \S+$/gm)) {
    for (const source of sources.split(" ")) await Deno.stat(`${ROOT}${source}`);
  }
});

Deno.test("the build stage of the Dockerfile copies everything that the build imports", async () => {
  const text = await Deno.readTextFile(`${ROOT}Dockerfile`);
  const [, stage = ""] = /^FROM \S+ \S+ AS build\n([^]*?)^FROM /m.exec(text) ?? [];
  const sources = [...stage.matchAll(/^COPY (.*) \S+$/gm)].flatMap(([, named = ""]) => named.split(" "));
  assert(sources.includes("main.ts"), `the stage copies ${sources.join(", ")}`);
  const folder = await Deno.makeTempDir({ prefix: "build-" });
  try {
    await must(["cp", "-r", "--parents", ...sources, folder], { cwd: ROOT });
    for (const entry of ["install/compile.ts", "main.ts"]) {
      const { modules } = JSON.parse(await must([Deno.execPath(), "info", "--json", entry], { cwd: folder }));
      const missing = modules.filter(({ error }: { error?: string }) => error !== undefined);
      assert(modules.length > 2, entry);
      assert.deepEqual(missing, [], entry);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a release accepts the runtime with the known checksum, and removes a program with another one", async () => {
  const { deno, env } = await compiler();
  const sha256 = await sha256Of(runtimeOf(await Deno.readFile(PROGRAM)));
  const folder = await Deno.makeTempDir({ prefix: "release-" });
  const pinned = `example.com/image:1@sha256:${"0".repeat(64)}`;
  const release = (checksum: string) => {
    const flags = ["--output", `${folder}/whereabouts`, "--release", "--runtime-sha256", checksum, "--image", pinned];
    const command = [Deno.execPath(), "run", "-A", "install/compile.ts", ...flags];
    return run(command, { cwd: ROOT, env: { ...env, WHEREABOUTS_COMPILER: deno } });
  };
  try {
    const other = await release("f".repeat(64));
    assert.equal(other.code, 1);
    assert.match(other.stderr, new RegExp(`checksum ${sha256}, expected f{64}`));
    await assert.rejects(Deno.stat(`${folder}/whereabouts`), Deno.errors.NotFound);
    const known = await release(sha256);
    assert.equal(known.code, 0, known.stderr);
    await Deno.stat(`${folder}/whereabouts`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
