import assert from "node:assert/strict";
import { checkRevision, checkTag, makeRelease } from "../../install/release.ts";
import { machineOf } from "../../install/release/binaries.ts";
import { notesOf } from "../../install/release/changelog.ts";
import { gapsOf, isPinned } from "../../install/release/images.ts";
import { licencesText } from "../../install/release/licences.ts";
import { standIns } from "../support/image.ts";
import { render } from "../../install/release/manifest.ts";
import { readPackages } from "../../install/release/packages.ts";
import { documentOf } from "../../install/release/sbom.ts";
import { REGISTRY, REPOSITORY } from "../../install/repository.ts";
import { VERSION } from "../../src/version.ts";
import { must, run } from "../support/process.ts";

const ROOT = new URL("../../", import.meta.url);
const RELEASE = { version: "1.2.3", revision: "0".repeat(40), time: 1_700_000_000 };

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "release-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The files of a folder with their checksums. */
function sumsOf(folder: string): Promise<string> {
  return must(["sh", "-c", "sha256sum *"], { cwd: folder });
}

Deno.test("a release that is repeated on the same commit has the same bytes", async () => {
  await inFolder(async (folder) => {
    const parts = ["manifest", "schemas", "sbom", "licences", "checksums"];
    const sums: string[] = [];
    for (const output of [`${folder}/first`, `${folder}/second`]) {
      const gaps = await makeRelease({ output, parts });
      assert.deepEqual(gaps.filter(({ what }) => what !== "commit"), []);
      await must(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: output });
      sums.push(await sumsOf(output));
    }
    assert.equal(sums[0], sums[1]);
    const made = [`whereabouts-${VERSION}.spdx.json`, `whereabouts-schemas-${VERSION}.tar.gz`];
    for (const name of ["install.yaml", ...made, "THIRD-PARTY-LICENSES.txt", "SHA256SUMS"]) {
      assert.ok(sums[0]?.includes(`  ${name}\n`), name);
    }
  });
});

Deno.test("makeRelease refuses an unknown part", async () => {
  await assert.rejects(
    makeRelease({ parts: ["charts"] }),
    /--parts "charts": expected binaries, images, manifest, chart/,
  );
});

Deno.test("a release needs a commit without changes", () => {
  assert.deepEqual(checkRevision("a".repeat(40)), []);
  assert.match(checkRevision(`${"a".repeat(40)}-dirty`)[0]?.reason ?? "", /-dirty, expected .*: commit the changes$/);
  assert.match(checkRevision("unknown")[0]?.reason ?? "", /make it in a clone with git$/);
});

Deno.test("checkTag returns the notes, and refuses another repository, tag or changelog", async () => {
  const changelog = await Deno.readTextFile(new URL("CHANGELOG.md", ROOT));
  assert.match(checkTag(REPOSITORY, `v${VERSION}`, changelog), /^- .{20}/m);
  assert.throws(() => checkTag("some/fork", `v${VERSION}`, changelog), /the repository some\/fork, but deno.json has/);
  assert.throws(() => checkTag(REPOSITORY, "v0.0.0", changelog), new RegExp(`v0.0.0 .* expected v${VERSION}$`));
  assert.throws(() => checkTag(REPOSITORY, `v${VERSION}`, "# Changelog\n"), /CHANGELOG.md has no heading/);
});

Deno.test("notesOf returns the section of a version alone", () => {
  const changelog =
    "# Changelog\n\n## [Unreleased]\n\n- new\n\n## [1.1.0] - 2026-01-02\n\n- one\n\n## [1.0.0] - 2026-01-01\n\n" +
    "- zero\n\n[1.1.0]: https://example.com\n";
  assert.equal(notesOf(changelog, "1.1.0"), "- one");
  assert.equal(notesOf(changelog, "1.0.0"), "- zero");
  assert.throws(() => notesOf(changelog, "2.0.0"), /"## \[2.0.0\] - YYYY-MM-DD"/);
});

Deno.test("the bill of materials names every package of deno.lock with checksum and licence, and connects them", async () => {
  const packages = await readPackages();
  const { packages: listed, relationships } = documentOf(RELEASE, packages);
  const lock = JSON.parse(await Deno.readTextFile(new URL("deno.lock", ROOT)));
  assert.equal(listed.length, Object.keys(lock.npm).length + 1);
  const ids = new Set(listed.map(({ SPDXID }) => SPDXID));
  assert.equal(ids.size, listed.length);
  for (const { SPDXID, checksums, licenseDeclared } of listed) {
    assert.match(SPDXID, /^SPDXRef-[A-Za-z0-9.-]+$/);
    assert.notEqual(licenseDeclared, "NOASSERTION", SPDXID);
    for (const { checksumValue } of checksums ?? []) assert.match(checksumValue, /^[0-9a-f]{128}$/);
  }
  const reached = new Set(["SPDXRef-DOCUMENT"]);
  for (const { spdxElementId, relatedSpdxElement } of relationships) {
    assert.ok(spdxElementId === "SPDXRef-DOCUMENT" || ids.has(spdxElementId), spdxElementId);
    assert.ok(ids.has(relatedSpdxElement), relatedSpdxElement);
    reached.add(relatedSpdxElement);
  }
  assert.deepEqual([...ids].filter((id) => !reached.has(id)), []);
  const direct = relationships.filter(({ spdxElementId }) => spdxElementId === "SPDXRef-whereabouts");
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  assert.equal(direct.length, Object.keys(imports).length);
});

Deno.test("the licences contain the texts of the packages, and name the licence of a package without a text", () => {
  const one = { name: "one", version: "1.0.0", integrity: "", direct: true, dependencies: [] };
  const text = licencesText("1.2.3", [
    { ...one, licence: "MIT", texts: ["Copyright somebody\n"] },
    { ...one, name: "two", licence: "Unlicense", texts: [] },
  ]);
  assert.match(text, /^one 1.0.0: MIT$[^]*^Copyright somebody$/m);
  assert.match(text, /^two 1.0.0: Unlicense$[^]*^The package contains no licence file.$/m);
  assert.match(text, new RegExp(`^Deno ${Deno.version.deno}.*: MIT$[^]*^V8 .*BSD-3-Clause`, "m"));
});

Deno.test("render refuses a field of a kustomization that it would ignore", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/kustomization.yaml`, "resources: []\nnamePrefix: x-\n");
    await assert.rejects(
      render(new URL(`file://${folder}/`), (image) => image),
      /expected only resources, got namePrefix/,
    );
    await Deno.writeTextFile(`${folder}/kustomization.yaml`, "resources: [one.yaml]\n");
    await Deno.writeTextFile(`${folder}/one.yaml`, "# why\nimage: a:1\n---\ntemplate: {image: b:1, args: [image]}\n");
    const text = await render(new URL(`file://${folder}/`), (image) => `${REGISTRY}/${image}`);
    assert.equal(text, `# why\nimage: ${REGISTRY}/a:1\n---\ntemplate: { image: ${REGISTRY}/b:1, args: [ image ] }\n`);
  });
});

Deno.test("a base image is pinned by a digest in the Dockerfile too", () => {
  const digest = `@sha256:${"0".repeat(64)}`;
  const dockerfile = `ARG DENO_IMAGE=denoland/deno:2.9.6${digest}\nARG BASE=gcr.io/base:nonroot\n`;
  assert.deepEqual([isPinned(dockerfile, "DENO_IMAGE"), isPinned(dockerfile, "BASE")], [true, false]);
  assert.deepEqual(standIns(dockerfile), { DENO_IMAGE: "denoland/deno:2.9.6", BASE: "gcr.io/base:nonroot" });
});

Deno.test("images of a release need both platforms, and pinned sources", () => {
  const pins = ["DENO_IMAGE", "BASE", "RUNTIME_SHA256_AMD64", "RUNTIME_SHA256_ARM64"];
  assert.deepEqual(gapsOf("linux/amd64,linux/arm64", pins), []);
  const [platform, sources] = gapsOf(undefined, pins.slice(1));
  assert.deepEqual([platform?.kind, sources?.kind], ["missing", "unverified"]);
  assert.match(platform?.reason ?? "", /for the platform of this machine alone: --platform linux\/amd64,linux\/arm64/);
  assert.match(sources?.reason ?? "", /not pinned: DENO_IMAGE is not set$/);
});

Deno.test("machineOf reads the machine of an ELF file", async () => {
  const machines: Readonly<Record<string, number>> = { x86_64: 62, aarch64: 183 };
  assert.equal(machineOf(await Deno.readFile(Deno.execPath())), machines[Deno.build.arch]);
});

Deno.test("deno task release fails for what is not pinned or missing, unless a flag accepts that", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/denort`, "no runtime");
    const env = { DENORT_BIN_AMD64: `${folder}/denort`, DENORT_BIN_ARM64: `${folder}/denort` };
    const release = async (...flags: string[]) => {
      const args = ["run", "-A", "install/release.ts", "--output", `${folder}/release`, ...flags];
      return await run([Deno.execPath(), ...args], { cwd: ROOT.pathname, env });
    };
    const failed = await release("--parts", "binaries", "--unverified");
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /^Missing: whereabouts-linux-amd64: /m);
    assert.equal((await release("--parts", "binaries", "--partial")).code, 0);
    assert.equal((await release("--parts", "manifest", "--unverified")).code, 0);
    const unknown = await release("--engine", "none");
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /^release: --engine "none": expected docker, podman, buildah$/m);
    assert.match((await release("dist")).stderr, /^release: Unknown argument "dist": expected only flags$/m);
  });
});
