import assert from "node:assert/strict";
import { commandsOf, IMAGES, type Plan } from "../../install/image.ts";

const PLAN: Omit<Plan, "engine"> = {
  reference: "registry.example/whereabouts:1.2.3",
  timestamp: "1700000000",
  buildArgs: ["VERSION=1.2.3"],
};
const FILE = "/out/whereabouts-1.2.3.oci.tar";

Deno.test("commandsOf builds with docker, and loads the image or writes an OCI archive", () => {
  const build = (options: Partial<Plan>) =>
    commandsOf({ ...PLAN, engine: "docker", ...options }).map((one) => one.join(" "));
  const [loaded = "", ...more] = build({});
  assert.match(loaded, /^docker buildx build --build-arg SOURCE_DATE_EPOCH=1700000000 --build-arg VERSION=1\.2\.3 /);
  assert.match(loaded, /--tag registry\.example\/whereabouts:1\.2\.3 --load \.$/);
  assert.deepEqual(more, []);
  const [archived = "", ...others] = build({ file: FILE, target: "reconciler", platform: "linux/amd64,linux/arm64" });
  assert.match(archived, /^docker buildx build --platform linux\/amd64,linux\/arm64 --target reconciler /);
  assert.match(archived, new RegExp(`--output type=oci,dest=${FILE},rewrite-timestamp=true \\.$`));
  assert.deepEqual(others, []);
  assert.match(build({ platform: "linux/arm64" })[0] ?? "", / --load \.$/);
  assert.throws(() => build({ platform: "linux/amd64,linux/arm64" }), /several platforms .*: add --archive FOLDER$/);
});

Deno.test("commandsOf builds with podman and buildah, and pushes the image or the list of several platforms to an OCI archive", () => {
  for (const [engine, verb] of [["podman", "build"], ["buildah", "bud"]] as const) {
    const build = (options: Partial<Plan>) => commandsOf({ ...PLAN, engine, ...options }).map((one) => one.join(" "));
    const start = `${engine} ${verb} --timestamp 1700000000`;
    const { reference } = PLAN;
    assert.deepEqual(build({}), [
      `${start} --build-arg SOURCE_DATE_EPOCH=1700000000 --build-arg VERSION=1.2.3 --tag ${reference} .`,
    ]);
    assert.deepEqual(build({ file: FILE })[1], `${engine} push ${reference} oci-archive:${FILE}:${reference}`);
    assert.deepEqual(build({ file: FILE, platform: "linux/amd64,linux/arm64" }), [
      `${start} --platform linux/amd64,linux/arm64 --build-arg SOURCE_DATE_EPOCH=1700000000 --build-arg VERSION=1.2.3 --manifest ${reference} .`,
      `${engine} manifest push --all ${reference} oci-archive:${FILE}:${reference}`,
    ]);
  }
});

Deno.test("every stage that is built as an image exists in the Dockerfile, and has the labels of an image", async () => {
  const text = await Deno.readTextFile(new URL("../../Dockerfile", import.meta.url));
  const stages = text.split(/^(?=FROM )/m);
  for (const { name, target } of IMAGES) {
    const stage = target ? stages.find((one) => one.split("\n")[0]?.endsWith(` AS ${target}`)) : stages.at(-1);
    assert(stage, `the Dockerfile has no stage ${target}`);
    for (const label of ["description", "source", "version", "revision", "licenses"]) {
      assert(stage.includes(`org.opencontainers.image.${label}="`), `${name} has no label ${label}`);
    }
    assert(stage.includes(`org.opencontainers.image.title="${name}"`), name);
  }
});

Deno.test("no stage runs a command on the target platform, so several platforms need no emulation", async () => {
  const text = await Deno.readTextFile(new URL("../../Dockerfile", import.meta.url));
  const running = text.split(/^(?=FROM )/m).filter((stage) => /^RUN /m.test(stage));
  assert.equal(running.length, 2);
  for (const stage of running) assert.match(stage, /^FROM --platform=\$BUILDPLATFORM /);
  assert.doesNotMatch(text, /^ARG TARGETARCH=/m, "a default would override the target platform");
});
