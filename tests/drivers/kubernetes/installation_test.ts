import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { toComponent } from "../../../drivers/kubernetes/installation.ts";

const MANIFESTS = new URL("../../../install/manifests/", import.meta.url);

/** The components among the objects of a manifest. */
function componentsIn(file: string) {
  const documents = parseAllDocuments(Deno.readTextFileSync(new URL(file, MANIFESTS)));
  return documents.map((one) => one.toJS()).flatMap((object) => toComponent(object.kind, object));
}

Deno.test("toComponent recognizes each workload of our manifests", () => {
  const found = ["daemonset.yaml", "controller.yaml", "reconciler.yaml"].flatMap(componentsIn);
  assert.deepEqual(found.map(({ role, kind, name, desired, suspended }) => [role, kind, name, desired, suspended]), [
    ["agent", "DaemonSet", "whereabouts", 0, undefined], // the API server has not scheduled it
    ["controller", "Deployment", "whereabouts-controller", 2, undefined],
    ["reconciler", "CronJob", "whereabouts-reconciler", 0, true],
  ]);
  assert.deepEqual(found.map(({ image }) => image.replace(/:.*/, "")), [
    "whereabouts",
    "whereabouts",
    "whereabouts-reconciler",
  ]);
});

const template = (container: Record<string, unknown>) => ({
  spec: { template: { spec: { containers: [container] } } },
});

Deno.test("toComponent recognizes programs by image and arguments, whatever registry and name they have", () => {
  const roles = [
    { image: "mirror.local/cni/whereabouts@sha256:00", args: ["install", "--agent"] },
    { image: "ghcr.io/k8snetworkplumbingwg/whereabouts:v0.9.2", command: ["/node-slice-controller"] },
    { image: "whereabouts:1", command: ["/usr/bin/whereabouts"], args: ["controller", "--lease-name", "other"] },
    { image: "whereabouts:1", args: ["controller", "--lease-name=another"] },
    { image: "whereabouts:1", args: ["reconcile"] },
    { image: "whereabouts:1", args: ["show"] },
    { image: "nginx:1", args: ["install"] },
    {},
  ].map((container) => toComponent("Deployment", template(container)).map(({ role, lease }) => [role, lease]));
  assert.deepEqual(roles, [
    [["agent", undefined]],
    [["original", undefined]],
    [["controller", "other"]],
    [["controller", "another"]],
    [["reconciler", undefined]],
    [],
    [],
    [],
  ]);
});

Deno.test("toComponent reads the counts of a DaemonSet and of a Deployment", () => {
  const container = { image: "whereabouts:1", args: ["install"] };
  const counts = { desiredNumberScheduled: 4, numberReady: 3, updatedNumberScheduled: 2 };
  const [set] = toComponent("DaemonSet", { ...template(container), status: counts });
  assert.deepEqual([set?.desired, set?.ready, set?.updated], [4, 3, 2]);
  const { spec } = template({ image: "whereabouts:1", args: ["controller"] });
  const [deployment] = toComponent("Deployment", {
    spec: { ...spec, replicas: 2 },
    status: { readyReplicas: 1, updatedReplicas: 2 },
  });
  assert.deepEqual([deployment?.desired, deployment?.ready, deployment?.updated], [2, 1, 2]);
});
