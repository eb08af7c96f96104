/**
 * The overlays: a real API server accepts them, and they set the folders that the chart sets for the same distribution.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { textOf } from "../documents.ts";
import { SECURITY_CONTEXT_CONSTRAINTS } from "../support/foreign_crds.ts";
import { assets } from "../support/assets.ts";
import { CHART, INSTALL, type KubeObject, objectsOf, template } from "../support/helm.ts";
import { ControlPlane, namespaceOf } from "../support/kube.ts";
import { must } from "../support/process.ts";

const KUBECTL = `${await assets("controlPlane")}/kubectl`;
const FOLDERS: Readonly<Record<string, Readonly<Record<string, string>>>> = parse(
  await Deno.readTextFile(`${CHART}/files/distributions.yaml`),
);
/** Components, which monitoring_live_test.ts tests. */
const COMPONENTS = ["monitoring"];
/** `standard` is install/manifests itself. */
const OVERLAYS = Object.keys(FOLDERS).filter((name) => name !== "standard");

const kustomize = async (folder: string) => objectsOf(await must([KUBECTL, "kustomize", `${INSTALL}${folder}`]));

/** The folders of the host and of the container that a DaemonSet names, and its variables. */
function foldersOf(object: KubeObject | undefined) {
  assert.ok(object);
  const { containers: [container], volumes } = object.spec.template.spec;
  return {
    host: Object.fromEntries(volumes.map(({ name, hostPath }) => [name, hostPath?.path])),
    mounts: Object.fromEntries(container?.volumeMounts.map(({ name, mountPath }) => [name, mountPath]) ?? []),
    configuration: container?.env.find(({ name }) => name === "CNI_CONF_DIR")?.value,
  };
}

Deno.test("there is an overlay for each distribution of the chart", () => {
  const folders = [...Deno.readDirSync(`${INSTALL}overlays`)].filter(({ isDirectory }) => isDirectory);
  assert.deepEqual(folders.map(({ name }) => name).sort(), [...OVERLAYS, ...COMPONENTS].sort());
});

Deno.test("overlay and chart name the same folders, which are those of the list", async () => {
  const daemonSet = "DaemonSet kube-system/whereabouts";
  for (const [name, { binDir, confDir, netnsDir }] of Object.entries(FOLDERS)) {
    const folder = name === "standard" ? "manifests" : `overlays/${name}`;
    const ofOverlay = foldersOf((await kustomize(folder)).get(daemonSet));
    const ofChart = foldersOf(objectsOf(await template("--set", `distribution=${name}`)).get(daemonSet));
    assert.deepEqual(ofOverlay, ofChart, name);
    const { host, mounts, configuration } = ofOverlay;
    assert.deepEqual([host["cni-bin"], host["cni-conf"], host["netns"]], [binDir, confDir, netnsDir], name);
    assert.deepEqual([mounts["cni-conf"], configuration], [confDir, confDir], name);
  }
});

Deno.test("overlay and chart permit the same on OpenShift", async () => {
  const ofOverlay = await kustomize("overlays/openshift");
  const ofChart = objectsOf(await template("--set", "distribution=openshift"));
  for (
    const key of [
      "SecurityContextConstraints /whereabouts-node",
      "RoleBinding kube-system/whereabouts-controller-nonroot",
    ]
  ) {
    const rendered = ofChart.get(key);
    assert.ok(rendered);
    const { labels: _, ...metadata } = rendered.metadata;
    assert.deepEqual({ ...rendered, metadata }, ofOverlay.get(key));
  }
});

Deno.test("overlays add nothing else to the manifests", async () => {
  const base = [...(await kustomize("manifests")).keys()];
  for (const name of OVERLAYS) {
    const added = [...(await kustomize(`overlays/${name}`)).keys()].filter((key) => !base.includes(key));
    assert.equal(added.length, name === "openshift" ? 2 : 0, name);
  }
});

Deno.test("the table of the overlays has their folders", async () => {
  const readme = await Deno.readTextFile(`${INSTALL}overlays/README.md`);
  const rows = [...readme.matchAll(/^\| `(\w+)` +\| `([^`]+)` +\| `([^`]+)` +\|$/gm)].map(([, ...cells]) => cells);
  assert.deepEqual(rows, OVERLAYS.map((name) => [name, FOLDERS[name]?.["binDir"], FOLDERS[name]?.["confDir"]]));
});

Deno.test("the overlays that documents show build, and use images of the registry", async () => {
  const shown = ["docs/INSTALL.md", "install/overlays/README.md"].flatMap((document) => {
    const blocks = textOf(document).matchAll(/^( *)```yaml\n([^]*?)^ *```/gm);
    return [...blocks].map(([, indent = "", body = ""]) => body.replaceAll(new RegExp(`^${indent}`, "gm"), ""))
      .filter((body) => body.includes("kind: Kustomization"));
  });
  assert.equal(shown.length, 2);
  const folder = await Deno.makeTempDir();
  try {
    await must(["cp", "-r", INSTALL, `${folder}/install`]);
    await Deno.mkdir(`${folder}/overlay`);
    for (const body of shown) {
      await Deno.writeTextFile(`${folder}/overlay/kustomization.yaml`, body);
      const built = objectsOf(await must([KUBECTL, "kustomize", `${folder}/overlay`]));
      const { newName, newTag } = parse(body).images[0];
      const image = built.get("DaemonSet kube-system/whereabouts")?.spec.template.spec.containers[0]?.image;
      assert.equal(image, `${newName}:${newTag}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the API server accepts every overlay", async (t) => {
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  const file = `${kube.folder}/scc.json`;
  await Deno.writeTextFile(file, JSON.stringify(SECURITY_CONTEXT_CONSTRAINTS));
  await kube.kubectl("apply", "-f", file);
  await kube.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", file);
  for (const name of OVERLAYS) {
    await t.step(name, async () => {
      const flags = ["--server-side", "--force-conflicts", "--dry-run=server"];
      const applied = await kube.kubectl("apply", ...flags, "-k", `${INSTALL}overlays/${name}`);
      assert.match(applied, /daemonset\.apps\/whereabouts serverside-applied/);
    });
  }
});
