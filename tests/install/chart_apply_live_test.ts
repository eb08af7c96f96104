/**
 * A real API server accepts what the chart renders with many sets of values, and Helm installs, upgrades and uninstalls it there.
 *
 * @module
 */
import assert from "node:assert/strict";
import { binary } from "../support/binary.ts";
import { prometheusCrds, SECURITY_CONTEXT_CONSTRAINTS } from "../support/foreign_crds.ts";
import { CHART, helm, INSTALL, objectsOf, template } from "../support/helm.ts";
import { ControlPlane, type Kube, kubeconfigOf, makeKube, namespaceOf } from "../support/kube.ts";
import { must, run } from "../support/process.ts";

const MONITORS = ["service", "serviceMonitor", "podMonitor", "prometheusRule", "dashboards"].map((one) =>
  `metrics.${one}.enabled=true`
);
const VOLUME = (of: string) => [
  `${of}.extraVolumes[0].name=ca`,
  `${of}.extraVolumes[0].configMap.name=ca`,
  `${of}.extraVolumeMounts[0].name=ca`,
  `${of}.extraVolumeMounts[0].mountPath=/etc/ca`,
  `${of}.extraEnv[0].name=KUBE_CA_FILE`,
  `${of}.extraEnv[0].value=/etc/ca/ca.crt`,
  `${of}.podAnnotations.a=b`,
  `${of}.podLabels.a=b`,
];

/** Sets of values by name. */
const SETS: Readonly<Record<string, readonly string[]>> = {
  "the defaults": [],
  ...Object.fromEntries(
    ["k3s", "rke2", "microk8s", "talos", "gke", "openshift"].map((one) => [one, [`distribution=${one}`]]),
  ),
  "OpenShift with folders of its own": ["openshift.enabled=true", "cniConf.binDir=/opt/cni/bin"],
  "all metrics": MONITORS,
  "monitors without agents": [
    ...MONITORS,
    "metrics.agent.expose=false",
    "metrics.podMonitor.interval=30s",
    "metrics.podMonitor.scrapeTimeout=5s",
  ],
  "no controller": ["controller.enabled=false", ...MONITORS],
  "a network policy": [
    "networkPolicy.enabled=true",
    "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name=monitoring",
    "networkPolicy.extraEgress[0].ports[0].port=2379",
  ],
  "the admission policies": [
    "admissionPolicy.enabled=true",
    "definitionHints.enabled=true",
    "node.serviceAccount.name=other",
  ],
  "further volumes, variables and labels": ["node", "controller", "reconciler"].flatMap(VOLUME),
  "names, labels and a namespace": ["fullnameOverride=second", "namespaceOverride=", "commonLabels.team=net"],
  "images by digest": [
    "image.registry=registry.example.com",
    `image.digest=sha256:${"a".repeat(64)}`,
    "imagePullSecrets[0].name=pull",
    "flatFileSecret=etcd",
  ],
  "a large cluster": [
    "node.updateStrategy.rollingUpdate.maxUnavailable=10%",
    "controller.replicas=3",
    "controller.podDisruptionBudget.maxUnavailable=50%",
    "controller.topologySpreadConstraints[0].maxSkew=1",
    "controller.topologySpreadConstraints[0].topologyKey=topology.kubernetes.io/zone",
    "controller.topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway",
    "log.format=json",
  ],
  "updates by hand": ["node.updateStrategy.type=OnDelete"],
};

/** A control plane of its own: the definitions of other projects hold in the whole cluster. */
async function prepared(plane: ControlPlane): Promise<Kube> {
  const kube = await namespaceOf(plane.facts);
  const file = `${kube.folder}/scc.json`;
  await Deno.writeTextFile(file, JSON.stringify(SECURITY_CONTEXT_CONSTRAINTS));
  for (const crds of [file, ...await prometheusCrds()]) await kube.kubectl("apply", "--server-side", "-f", crds);
  await kube.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all");
  await kube.kubectl("create", "namespace", "other");
  return kube;
}

Deno.test("the API server accepts the chart with many sets of values", async (t) => {
  await using plane = await ControlPlane.start();
  const kube = await prepared(plane);
  for (const [name, settings] of Object.entries(SETS)) {
    await t.step(name, async () => {
      const file = `${kube.folder}/rendered.yaml`;
      const text = await template(...settings.flatMap((setting) => ["--set", setting]));
      await Deno.writeTextFile(file, text);
      const applied = await kube.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", file);
      assert.equal(applied.trim().split("\n").length, objectsOf(text).size, applied);
    });
  }
});

Deno.test("Helm takes over what kubectl installed, upgrades it, and keeps the custom resources when it uninstalls", async () => {
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  const run = async (...args: string[]) =>
    await must([await helm(), ...args, "--kubeconfig", kube.kubeconfig, "--namespace", "kube-system"]);
  await kube.kubectl("apply", "-k", `${INSTALL}manifests`);
  const installed = await run("install", "whereabouts", CHART, "--take-ownership");
  assert.match(installed, /STATUS: deployed/);
  const upgraded = await run("upgrade", "whereabouts", CHART, "--set", "distribution=k3s");
  assert.match(upgraded, /for the folders of distribution k3s/);
  const removing = await run("upgrade", "whereabouts", CHART, "--reset-then-reuse-values", "--set", "uninstall=true");
  assert.match(removing, /Each node removes the installed files/);
  const paths = ["-n", "kube-system", "daemonset", "whereabouts", "-o", "jsonpath={..hostPath.path}"];
  assert.match(await kube.kubectl("get", ...paths), /\/var\/lib\/rancher\/k3s\/data\/cni/);
  const hooks = await run("get", "hooks", "whereabouts");
  assert.match(hooks, /args: \[install, --check\]/);
  await run("uninstall", "whereabouts");
  assert.equal(
    (await kube.kubectl("get", "daemonsets,deployments,cronjobs", "-n", "kube-system", "-o", "name")).trim(),
    "",
  );
  assert.match(await kube.kubectl("get", "crd", "-o", "name"), /ippools\.whereabouts/);
});

Deno.test("the pod of helm test checks an installation with the rights of its account, and fails without them", async () => {
  await using kube = await makeKube();
  await kube.kubectl("apply", "-k", `${INSTALL}manifests`);
  const pod = objectsOf(await template()).get("Pod kube-system/whereabouts-check")?.spec;
  assert.ok(pod);
  const { args, env } = pod.containers[0] ?? { args: [], env: [] };
  assert.deepEqual(env.map(({ name }) => name), ["CNI_BIN_DIR", "CNI_CONF_DIR", "NODENAME", "WHEREABOUTS_NAMESPACE"]);
  const root = await Deno.makeTempDir({ dir: kube.folder });
  for (const folder of ["bin", "net.d"]) await Deno.mkdir(`${root}/${folder}`);
  const { hostname, port } = new URL(kube.url);
  const variables = {
    CNI_BIN_DIR: `${root}/bin`,
    CNI_CONF_DIR: `${root}/net.d`,
    NODENAME: "node1",
    WHEREABOUTS_NAMESPACE: "kube-system",
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
    WHEREABOUTS_ALLOW_PATHS: root,
  };
  const checkAs = async (account: string) => {
    const token = (await kube.kubectl("create", "token", "-n", "kube-system", account)).trim();
    const file = `${root}/kubeconfig`;
    await Deno.writeTextFile(file, JSON.stringify(kubeconfigOf(kube, { token }, "kube-system")));
    return await run([await binary(), ...args, "--kubeconfig", file], { env: variables, clearEnv: true });
  };
  const good = await checkAs(pod.serviceAccountName);
  assert.equal(good.code, 0, good.stdout + good.stderr);
  await kube.kubectl("create", "serviceaccount", "-n", "kube-system", `powerless-${kube.namespace}`);
  const bad = await checkAs(`powerless-${kube.namespace}`);
  assert.equal(bad.code, 1, bad.stdout);
});

Deno.test("the notes name what the values leave to the operator", async () => {
  await using plane = await ControlPlane.start();
  const kube = await prepared(plane);
  const notes = async (...settings: string[]) => {
    const flags = settings.flatMap((setting) => ["--set", setting]);
    const args = ["install", "whereabouts", CHART, "--dry-run=server", "--kubeconfig", kube.kubeconfig, ...flags];
    return (await must([await helm(), ...args])).split("\nNOTES:\n").at(-1) ?? "";
  };
  const plain = await notes();
  assert.match(plain, /rollout status daemonset\/whereabouts/);
  assert.doesNotMatch(plain, /CronJob|loopback|pod-security/);
  assert.match(
    await notes("controller.enabled=false"),
    /CronJob whereabouts-reconciler frees leaked addresses instead/,
  );
  assert.match(
    await notes("controller.enabled=false", "reconciler.suspend=true"),
    /suspended too: nothing frees leaked addresses/,
  );
  assert.match(
    await notes("metrics.podMonitor.enabled=true", "metrics.agent.expose=false"),
    /set metrics\.agent\.expose to scrape them/,
  );
  const moved = await notes("namespaceOverride=default");
  assert.match(moved, /kubectl label namespace default pod-security\.kubernetes\.io\/enforce=privileged/);
});
