/**
 * The parts of a release that need Helm, kubectl or a compile runtime.
 *
 * @module
 */
import assert from "node:assert/strict";
import { relative } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { makeRelease } from "../../install/release.ts";
import { runtimeOf, sha256Of } from "../../install/runtime.ts";
import { REGISTRY, REPOSITORY_URL } from "../../install/repository.ts";
import { revisionOf } from "../../install/revision.ts";
import { VERSION } from "../../src/version.ts";
import { assets } from "../support/assets.ts";
import { compiler } from "../support/denort.ts";
import { KUBE_VERSION } from "../support/helm.ts";
import { makeKube } from "../support/kube.ts";
import { ImageStore, unpack } from "../support/image.ts";
import { must, run } from "../support/process.ts";

const INSTALL = new URL("../../install/", import.meta.url).pathname;
const IMAGES = ["whereabouts", "whereabouts-reconciler"];

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "release-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Makes parts of a release, and returns its gaps but for changes in the work tree of whoever tests. */
async function make(output: string, ...parts: string[]) {
  return (await makeRelease({ output, parts })).filter(({ what }) => what !== "commit");
}

function objectsOf(text: string): unknown[] {
  return parseAllDocuments(text).map((document) => document.toJS()).filter((one) => one !== null)
    .toSorted((a, b) => `${a.kind}/${a.metadata.name}` < `${b.kind}/${b.metadata.name}` ? -1 : 1);
}

Deno.test("install.yaml has the objects of the kustomization with images of the registry, and the API server accepts it", async () => {
  const kubectl = `${await assets("controlPlane")}/kubectl`;
  await inFolder(async (folder) => {
    assert.deepEqual(await make(`${folder}/release`, "manifest"), []);
    const overlay = await Deno.makeTempDir({ dir: folder });
    const images = IMAGES.map((name) => ({ name, newName: `${REGISTRY}/${name}` }));
    const resources = [relative(overlay, `${INSTALL}manifests`)];
    await Deno.writeTextFile(`${overlay}/kustomization.yaml`, JSON.stringify({ resources, images }));
    const text = await Deno.readTextFile(`${folder}/release/install.yaml`);
    assert.deepEqual(objectsOf(text), objectsOf(await must([kubectl, "kustomize", overlay])));
    // an older schema would drop fields that the new processes write
    assert.deepEqual(
      [...text.matchAll(/^kind: (\w+)/gm)].slice(0, 3).map(([, kind]) => kind),
      Array(3).fill("CustomResourceDefinition"),
    );
    for (const name of IMAGES) assert.ok(text.includes(`image: ${REGISTRY}/${name}:${VERSION}\n`), name);
    await using kube = await makeKube();
    const applied = await kube.kubectl("apply", "-f", `${folder}/release/install.yaml`);
    assert.match(applied, /daemonset\.apps\/whereabouts/);
    const daemonSet = ["-n", "kube-system", "daemonset", "whereabouts"];
    const patch = `${folder}/release/uninstall-patch.yaml`;
    await kube.kubectl("patch", ...daemonSet, "--type", "json", "--patch-file", patch);
    const image = "jsonpath={.spec.template.spec.initContainers[0].image}";
    assert.equal(await kube.kubectl("get", ...daemonSet, "-o", image), `${REGISTRY}/whereabouts:${VERSION}`);
    const deleted = await kube.kubectl("delete", "-o", "name", "-f", `${folder}/release/uninstall.yaml`);
    const count = (names: string) => names.trim().split("\n").length;
    assert.equal(count(deleted), count(applied) - 3, deleted);
    assert.doesNotMatch(deleted, /customresourcedefinition/);
  });
});

Deno.test("the packaged chart has version, sources and images of the release, and the same bytes when it is repeated", async () => {
  const helm = `${await assets("helm")}/helm`;
  await inFolder(async (folder) => {
    const files: Uint8Array[] = [];
    for (const output of [`${folder}/first`, `${folder}/second`]) {
      assert.deepEqual(await make(output, "chart"), []);
      files.push(await Deno.readFile(`${output}/whereabouts-${VERSION}.tgz`));
    }
    assert.deepEqual(files[0], files[1]);
    const packaged = `${folder}/first/whereabouts-${VERSION}.tgz`;
    const { version, appVersion, sources, icon, annotations } = parse(await must([helm, "show", "chart", packaged]));
    assert.deepEqual([version, appVersion, sources], [VERSION, VERSION, [REPOSITORY_URL]]);
    const [, path = ""] = icon.split(`/raw/v${VERSION}/`);
    assert.match(await Deno.readTextFile(`${INSTALL}../${path}`), /^<svg /);
    assert.equal(annotations["org.opencontainers.image.revision"], await revisionOf(INSTALL) ?? "unknown");
    const common = [...KUBE_VERSION, "--include-crds"];
    const set = ["--set", `image.registry=${REGISTRY}`];
    assert.deepEqual(
      objectsOf(await must([helm, "template", "whereabouts", packaged, ...common])),
      objectsOf(await must([helm, "template", "whereabouts", `${INSTALL}chart`, ...common, ...set])),
    );
  });
});

/** Installs the plugin of kubectl from the files of a release, and runs it. */
async function installByKrew(folder: string, archive: string): Promise<void> {
  const env = { KREW_ROOT: `${folder}/krew`, HOME: folder, PATH: Deno.env.get("PATH") ?? "" };
  const files = ["--manifest", `${folder}/krew-whereabouts.yaml`, "--archive", `${folder}/${archive}`];
  await must([`${await assets("krew")}/krew`, "install", "--no-update-index", ...files], { env });
  const plugin = `${env.KREW_ROOT}/bin/kubectl-whereabouts`;
  assert.match(await must([plugin, "--help"]), /^Usage: kubectl whereabouts COMMAND/);
}

Deno.test("the binary of a release has its commit, and the same bytes when it is repeated; another machine's runtime is refused", async () => {
  const { deno, env } = await compiler();
  for (const [name, value] of Object.entries({ ...env, WHEREABOUTS_COMPILER: deno })) Deno.env.set(name, value);
  await inFolder(async (folder) => {
    const [first, second] = [`${folder}/first`, `${folder}/second`];
    const gaps = await make(first, "binaries", "krew");
    const name = "whereabouts-linux-amd64";
    const other = "whereabouts-linux-arm64";
    if (env.DENORT_BIN) {
      assert.match(
        gaps.find(({ what }) => what === other)?.reason ?? "",
        /for ELF machine 62, expected 183: set DENORT_BIN_ARM64/,
      );
      await assert.rejects(Deno.stat(`${first}/${other}`), Deno.errors.NotFound);
      assert.match(gaps.find(({ what }) => what === "krew-whereabouts.yaml")?.reason ?? "", /It lacks arm64/);
    }
    const program = await Deno.readFile(`${first}/${name}`);
    const checksum = await sha256Of(runtimeOf(program));
    assert.match(
      gaps.find(({ what }) => what === name)?.reason ?? "",
      new RegExp(`${checksum}, RUNTIME_SHA256_AMD64 is not set`),
    );
    const version = JSON.parse(await must([`${first}/${name}`, "version", "--json"]));
    assert.deepEqual([version.version, version.revision], [VERSION, await revisionOf(INSTALL) ?? "unknown"]);
    const { spec } = parse(await Deno.readTextFile(`${first}/krew-whereabouts.yaml`));
    const { sha256, uri, bin } = spec.platforms[0];
    assert.equal(uri, `${REPOSITORY_URL}/releases/download/v${VERSION}/${name}.tar.gz`);
    assert.equal(sha256, await sha256Of(await Deno.readFile(`${first}/${name}.tar.gz`)));
    assert.match(await must(["tar", "-tzf", `${first}/${name}.tar.gz`]), new RegExp(`^${bin}$`, "m"));
    await installByKrew(first, `${name}.tar.gz`);
    Deno.env.set("RUNTIME_SHA256_AMD64", checksum);
    assert.equal((await make(second, "binaries")).find(({ what }) => what === name), undefined);
    assert.deepEqual(await Deno.readFile(`${second}/${name}`), program);
  });
});

Deno.test("the images of a release are archives under the names of the registry, with version and commit as labels", async () => {
  await using store = await ImageStore.create();
  const names = await store.addBases();
  await inFolder(async (folder) => {
    const args = [
      "task",
      "--quiet",
      "release",
      "--engine",
      "buildah",
      "--parts",
      "images,checksums",
      "--output",
      folder,
    ];
    const { code, stderr } = await run([Deno.execPath(), ...args], { env: { ...store.env, ...names }, cwd: INSTALL });
    assert.equal(code, 1, stderr);
    const bases = Object.keys(names).length > 0 ? "" : "DENO_IMAGE, BASE,"; // names of stand-ins are set where the Dockerfile has digests
    assert.match(
      stderr,
      new RegExp(`^Unverified: images: Their sources are not pinned: ${bases}.*RUNTIME_SHA256_ARM64 `, "m"),
    );
    for (const name of IMAGES) {
      const { config } = await unpack(`${folder}/${name}-${VERSION}.oci.tar`, await Deno.makeTempDir({ dir: folder }));
      assert.equal(config.annotations["org.opencontainers.image.ref.name"], `${REGISTRY}/${name}:${VERSION}`);
      assert.equal(config.Labels["org.opencontainers.image.revision"], await revisionOf(INSTALL) ?? "unknown");
      assert.equal(config.Labels["org.opencontainers.image.source"], REPOSITORY_URL);
    }
    await must(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: folder });
  });
});

Deno.test("JSR would accept the library", async () => {
  await inFolder(async (folder) => assert.deepEqual(await make(folder, "library"), []));
});
