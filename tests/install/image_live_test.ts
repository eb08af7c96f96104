import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { IMAGES } from "../../install/image.ts";
import { revisionOf } from "../../install/revision.ts";
import { runtimeOf, sha256Of } from "../../install/runtime.ts";
import { OLD_NAMES } from "../../src/cli/old_names.ts";
import { VERSION } from "../../src/version.ts";
import { binary } from "../support/binary.ts";
import { compiler } from "../support/denort.ts";
import { type Config, ImageStore, librariesOf, unpack } from "../support/image.ts";
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

/** Runs the program of an image as a container does: in its root file system, as its user, with a proc of its own, and no network. */
async function runInside(root: string, config: Config, ...args: string[]): Promise<Finished> {
  const [uid = "", gid = ""] = config.User.split(":");
  const inside = 'mkdir -p "$0/proc" && mount -t proc proc "$0/proc" && exec unshare --root="$0" "$@"';
  const options = [`--wd=${config.WorkingDir || "/"}`, `--setgid=${gid}`, `--setuid=${uid}`];
  const unshared = ["unshare", "--net", "--mount", "--pid", "--fork", "sh", "-c", inside, root, ...options];
  const env = Object.fromEntries(config.Env.map((one) => one.split("=")));
  return await run([...unshared, "--", ...config.Entrypoint, ...args], { clearEnv: true, env });
}

Deno.test("buildah builds the Dockerfile; each image has its labels, and runs its program from its own files alone", async (t) => {
  await using store = await ImageStore.create();
  const archives = await store.buildProduct();
  assert.deepEqual(Object.keys(archives), IMAGES.map(({ name }) => name));
  const revision = await revisionOf(ROOT);
  assert(revision, "expected a git repository");
  const unpacked = async (name: string) => {
    const image = await unpack(archives[name] ?? "", `${store.folder}/${name}`);
    const label = (key: string) => image.config.Labels[`org.opencontainers.image.${key}`];
    assert.deepEqual([label("title"), label("version"), label("revision"), label("licenses")], [
      name,
      VERSION,
      revision,
      "Apache-2.0",
    ]);
    assert.deepEqual(Object.values(image.config.annotations), [`docker.io/library/${name}:${VERSION}`]);
    return image;
  };

  await t.step("whereabouts", async () => {
    const { root, config } = await unpacked("whereabouts");
    assert.deepEqual([config.User, config.Entrypoint, config.Cmd], ["0:0", ["/usr/bin/whereabouts"], [
      "install",
      "--agent",
    ]]);
    const { code, stdout, stderr } = await runInside(root, config, "version");
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `${VERSION} (commit ${revision})\n`);
    for (const name of OLD_NAMES) {
      const old = await runInside(root, { ...config, Entrypoint: [`/${name}`] }, "-help");
      assert.match(old.stdout, new RegExp(`^Usage: ${name}`), old.stderr);
    }
  });

  await t.step(
    "whereabouts-reconciler runs its script as the CronJob does, as another user, from a complete cache",
    async () => {
      const { root, config } = await unpacked("whereabouts-reconciler");
      const [{ spec }] = parseAllDocuments(await Deno.readTextFile(`${ROOT}install/manifests/reconciler.yaml`))
        .map((document) => document.toJS());
      assert.deepEqual(spec.jobTemplate.spec.template.spec.containers[0].command, config.Entrypoint);
      assert.equal(config.User, "65532:65532");
      const { code, stdout, stderr } = await runInside(root, config, "--help");
      assert.equal(code, 0, stderr);
      assert.match(stdout, /Sweep once: free addresses/);
    },
  );
});

Deno.test("the Dockerfile ends with a distroless stage that contains only the binary and links to it, and copies files that exist", async () => {
  const text = await Deno.readTextFile(`${ROOT}Dockerfile`);
  assert.match(text, /^ARG BASE=gcr\.io\/distroless\/cc-debian12:nonroot(?:@sha256:[0-9a-f]{64})?$/m);
  assert.match(text, /^ARG DENO_IMAGE=denoland\/deno:\d+\.\d+\.\d+(?:@sha256:[0-9a-f]{64})?$/m);
  assert.match(text, /--release --runtime-sha256 "\$sha256" --image "\$DENO_IMAGE" --image "\$BASE"/);
  const last = text.slice(text.lastIndexOf("\nFROM "));
  assert.deepEqual(last.match(/^COPY .*$/gm), [
    "COPY --from=build /out/whereabouts /usr/bin/whereabouts",
    "COPY --from=build /out/names/ /",
  ]);
  assert.doesNotMatch(text, /:latest\b/);
  const passed: readonly string[] = (await Deno.readTextFile(`${ROOT}.dockerignore`)).match(/(?<=^!).+$/gm) ?? [];
  for (const [, sources = ""] of text.matchAll(/^COPY (?!--)(.*) \S+$/gm)) {
    for (const source of sources.split(" ")) {
      await Deno.stat(`${ROOT}${source}`);
      assert(passed.includes(source.split("/")[0] ?? ""), `.dockerignore keeps ${source} from the build`);
    }
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
