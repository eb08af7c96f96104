/**
 * The chart renders the objects of the manifests, and each value has its effect.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse, parseAllDocuments } from "yaml";
import { VERSION } from "../../src/version.ts";
import { assets } from "../support/assets.ts";
import { makeKube } from "../support/kube.ts";
import { must } from "../support/process.ts";

const INSTALL = new URL("../../install/", import.meta.url).pathname;
const HELM = `${await assets("helm")}/helm`;
const KUBECTL = `${await assets("controlPlane")}/kubectl`;

/** Objects by `KIND NAMESPACE/NAME`. */
function objectsOf(text: string): Map<string, unknown> {
  const objects = parseAllDocuments(text).map((document) => document.toJS()).filter((one) => one !== null);
  return new Map(objects.map((one) => [`${one.kind} ${one.metadata.namespace ?? ""}/${one.metadata.name}`, one]));
}

function template(...flags: string[]): Promise<string> {
  const fixed = ["--namespace", "other", "--kube-version", "1.36.3", "--include-crds"];
  return must([HELM, "template", "whereabouts", `${INSTALL}chart`, ...fixed, ...flags]);
}

Deno.test("the chart renders the objects of the manifests with its default values", async () => {
  const rendered = objectsOf(await template());
  const manifests = objectsOf(await must([KUBECTL, "kustomize", `${INSTALL}manifests`]));
  assert.deepEqual([...rendered.keys()].sort(), [...manifests.keys()].sort());
  for (const [name, object] of manifests) assert.deepEqual(rendered.get(name), object, name);
});

Deno.test("the chart has the version of the project, and helm lint finds nothing", async () => {
  const { version, appVersion } = parse(await Deno.readTextFile(`${INSTALL}chart/Chart.yaml`));
  assert.deepEqual([version, appVersion], [VERSION, VERSION]);
  assert.match(
    await must([HELM, "lint", "--strict", "--kube-version", "1.36.3", `${INSTALL}chart`]),
    /0 chart\(s\) failed/,
  );
});

/** Settings, and the text that each must render. */
const SETTINGS: readonly (readonly [setting: string, expected: RegExp])[] = [
  ["image.repository=registry.example.com/whereabouts", /image: registry\.example\.com\/whereabouts:\d/],
  ["image.tag=v9", /image: whereabouts:v9\n/],
  ["image.pullPolicy=Always", /imagePullPolicy: Always/],
  ["imagePullSecrets[0].name=pull", /imagePullSecrets:\n +- name: pull\n/],
  ["cniConf.binDir=/var/lib/rancher/k3s/data/cni", /hostPath:\n +path: \/var\/lib\/rancher\/k3s\/data\/cni\n/],
  ["cniConf.confDir=/etc/other", /mountPath: \/etc\/other\n[^]*hostPath:\n +path: \/etc\/other\n/],
  ["cron=7 * * * *", /cron-expression: "7 \* \* \* \*"[^]*schedule: "7 \* \* \* \*"/],
  ["flatFile.log_level=error", /whereabouts\.conf: "\{\\n {2}\\"log_level\\": \\"error\\"\\n\}"/],
  ["deadNodeGrace=never", /--dead-node-grace=never\n[^]*--dead-node-grace=never\n/],
  ["controller.replicas=3", /replicas: 3\n/],
  ["metrics.agent.port=9999", /--http-address, "127\.0\.0\.1:9999"/],
  ["metrics.controller.port=9998", /\$\(POD_IP\):9998[^]*containerPort: 9998/],
  ["reconciler.suspend=false", /suspend: false/],
  ["reconciler.image.repository=registry.example.com/sweep", /image: registry\.example\.com\/sweep:\d/],
  ["reconciler.image.tag=v9", /image: whereabouts-reconciler:v9\n/],
];

Deno.test("the values of the chart have their effect", async () => {
  const plain = await template();
  for (const [setting, expected] of SETTINGS) {
    assert.doesNotMatch(plain, expected, setting);
    assert.match(await template("--set", setting), expected, setting);
  }
});

Deno.test("the chart renders into the chosen namespace, with and without the controller", async () => {
  const namespaces = (objects: Map<string, unknown>) =>
    new Set([...objects.keys()].map((key) => /^\w+ ([^/]*)\//.exec(key)?.[1]).filter((one) => one !== ""));
  assert.deepEqual(namespaces(objectsOf(await template())), new Set(["kube-system", "kube-node-lease"]));
  const moved = await template("--set", "namespaceOverride=");
  assert.deepEqual(namespaces(objectsOf(moved)), new Set(["other", "kube-node-lease"]));
  assert.doesNotMatch(moved, /kube-system/);
  const without = objectsOf(await template("--set", "controller.enabled=false"));
  assert.ok(without.has("DaemonSet kube-system/whereabouts"));
  assert.ok(!without.has("Deployment kube-system/whereabouts-controller"));
});

Deno.test("the API server accepts the chart with other values", async () => {
  await using kube = await makeKube();
  const file = await Deno.makeTempFile({ dir: kube.folder, suffix: ".yaml" });
  const flags = SETTINGS.flatMap(([setting]) => ["--set", setting]);
  await Deno.writeTextFile(file, await template("--set", "namespaceOverride=kube-system", ...flags));
  assert.match(await kube.kubectl("apply", "--dry-run=server", "-f", file), /deployment\.apps\/whereabouts-controller/);
});
