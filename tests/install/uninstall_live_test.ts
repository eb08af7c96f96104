/**
 * Uninstalling by a patch of the installed DaemonSet, however it was installed. e2e/uninstall_test.ts runs it on nodes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { type Container, INSTALL, type KubeObject, template } from "../support/helm.ts";
import { type Kube, makeKube } from "../support/kube.ts";

const PATCH = new URL("../../install/uninstall/patch.yaml", import.meta.url).pathname;

/** As the documents have it, with other names where the chart has them. */
async function uninstall(kube: Kube, name = "whereabouts"): Promise<KubeObject["spec"]["template"]["spec"]> {
  const target = ["-n", "kube-system", "daemonset", name];
  await kube.kubectl("patch", ...target, "--type", "json", "--patch-file", PATCH);
  return JSON.parse(await kube.kubectl("get", ...target, "-o", "json")).spec.template.spec;
}

/** A variable has the last of its values. */
function variable(container: Container | undefined, name: string): string | undefined {
  return container?.env.findLast((one) => one.name === name)?.value;
}

async function applyChart(kube: Kube, ...settings: readonly string[]): Promise<void> {
  const file = await Deno.makeTempFile({ dir: kube.folder, suffix: ".yaml" });
  await Deno.writeTextFile(file, await template(...settings.flatMap((setting) => ["--set", setting])));
  await kube.kubectl("apply", "-f", file);
}

/** Ways to install, and what the nodes must use to uninstall. */
const WAYS: readonly {
  readonly name: string;
  readonly object?: string;
  readonly install: (kube: Kube) => Promise<unknown>;
  readonly image: string;
  readonly configurations: string;
}[] = [
  {
    name: "the manifests",
    install: (kube) => kube.kubectl("apply", "-k", `${INSTALL}manifests`),
    image: `whereabouts:${VERSION}`,
    configurations: "/etc/cni/net.d",
  },
  {
    name: "an overlay",
    install: (kube) => kube.kubectl("apply", "-k", `${INSTALL}overlays/k3s`),
    image: `whereabouts:${VERSION}`,
    configurations: "/var/lib/rancher/k3s/agent/etc/cni/net.d",
  },
  {
    name: "the chart",
    object: "second",
    install: (kube) =>
      applyChart(
        kube,
        "fullnameOverride=second",
        "image.registry=registry.example.com",
        "image.tag=v9",
        "distribution=microk8s",
        "metrics.agent.expose=true",
        "log.level=debug",
      ),
    image: "registry.example.com/whereabouts:v9",
    configurations: "/var/snap/microk8s/current/args/cni-network",
  },
];

for (const { name, object, install, image, configurations } of WAYS) {
  Deno.test(`after ${name}, the patch makes each node uninstall with the installed image and folders, also if repeated`, async () => {
    await using kube = await makeKube();
    await install(kube);
    for (const _ of ["first", "again"]) {
      const { initContainers = [], containers: [main], volumes } = await uninstall(kube, object);
      assert.deepEqual(initContainers.map((one) => one.name), ["uninstall"]);
      for (const container of [initContainers[0], main]) {
        assert.equal(container?.image, image);
        assert.deepEqual(container?.args, ["install", "--uninstall"]);
        assert.equal(variable(container, "CNI_CONF_DIR"), configurations);
        assert.ok(container?.volumeMounts.some(({ mountPath }) => mountPath === configurations));
        const probes = [container?.startupProbe, container?.livenessProbe, container?.readinessProbe];
        assert.deepEqual(probes, [undefined, undefined, undefined]);
      }
      // the init container ends, the main one waits
      assert.equal(variable(initContainers[0], "SLEEP"), "false");
      assert.equal(variable(main, "SLEEP"), "true");
      assert.ok(volumes.some(({ hostPath }) => hostPath?.path === configurations));
    }
    await kube.kubectl("delete", "-n", "kube-system", "daemonset", object ?? "whereabouts");
  });
}

Deno.test("the chart's value uninstall makes the DaemonSet that the patch makes", async () => {
  await using kube = await makeKube();
  await applyChart(kube, "distribution=k3s");
  const patched = await uninstall(kube);
  const target = ["-n", "kube-system", "daemonset", "whereabouts"];
  await kube.kubectl("delete", ...target);
  await applyChart(kube, "distribution=k3s", "uninstall=true");
  const rendered = JSON.parse(await kube.kubectl("get", ...target, "-o", "json")).spec.template.spec;
  assert.deepEqual(rendered, patched);
  await kube.kubectl("delete", ...target);
});

Deno.test("deleting the kustomization of the uninstallation deletes every object but the custom resources", async () => {
  await using kube = await makeKube();
  const names = (text: string) => text.trim().split("\n").map((line) => line.replace(/ .*/, "")).sort();
  const all = names(await kube.kubectl("apply", "-k", `${INSTALL}manifests`));
  await uninstall(kube);
  const deleted = await kube.kubectl("delete", "--dry-run=server", "-o", "name", "-k", `${INSTALL}uninstall`);
  assert.deepEqual(names(deleted), all.filter((name) => !name.startsWith("customresourcedefinition.")));
  await kube.kubectl("delete", "-n", "kube-system", "daemonset", "whereabouts");
});
