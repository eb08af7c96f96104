/**
 * The chart renders the objects of the manifests, and each value has its effect.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { VERSION } from "../../src/version.ts";
import { assets } from "../support/assets.ts";
import { CHART, helm, INSTALL, KUBE_VERSION, objectsOf, template, withoutHelmLabels } from "../support/helm.ts";
import { must } from "../support/process.ts";

const KUBECTL = `${await assets("controlPlane")}/kubectl`;
const DAEMON_SET = "DaemonSet kube-system/whereabouts";
const DEPLOYMENT = "Deployment kube-system/whereabouts-controller";
const CRON_JOB = "CronJob kube-system/whereabouts-reconciler";

Deno.test("the chart renders the objects of the manifests with its default values, and the pod of helm test", async () => {
  const rendered = objectsOf(await template());
  const manifests = objectsOf(await must([KUBECTL, "kustomize", `${INSTALL}manifests`]));
  const test = "Pod kube-system/whereabouts-check";
  assert.deepEqual([...rendered.keys()].sort(), [...manifests.keys(), test].sort());
  for (const [name, object] of manifests) {
    const same = rendered.get(name);
    assert.ok(same);
    assert.deepEqual(withoutHelmLabels(same), withoutHelmLabels(object), name);
  }
});

Deno.test("the chart has the version of the project, and helm lint finds nothing", async () => {
  const { version, appVersion } = parse(await Deno.readTextFile(`${CHART}/Chart.yaml`));
  assert.deepEqual([version, appVersion], [VERSION, VERSION]);
  const lint = await must([await helm(), "lint", "--strict", ...KUBE_VERSION, CHART]);
  assert.match(lint, /0 chart\(s\) failed/);
  assert.doesNotMatch(lint, /WARNING|ERROR|symbolic link/);
});

Deno.test("helm show readme prints the README", async () => {
  const shown = await must([await helm(), "show", "readme", CHART]);
  assert.equal(shown.trim(), (await Deno.readTextFile(`${CHART}/README.md`)).trim());
});

const DIGEST = `sha256:${"a".repeat(64)}`;

/** Settings, and the text that each must render. */
const SETTINGS: readonly (readonly [setting: string, expected: RegExp])[] = [
  ["image.repository=registry.example.com/whereabouts", /image: registry\.example\.com\/whereabouts:\d/],
  ["image.registry=registry.example.com", /example\.com\/whereabouts:\d[^]*example\.com\/whereabouts-reconciler:\d/],
  ["global.imageRegistry=mirror.example.com/a", /image: mirror\.example\.com\/a\/whereabouts:\d/],
  ["image.tag=v9", /image: whereabouts:v9\n/],
  [`image.digest=${DIGEST}`, new RegExp(`image: whereabouts@${DIGEST}\n`)],
  ["image.pullPolicy=Always", /imagePullPolicy: Always/],
  ["imagePullSecrets[0].name=pull", /imagePullSecrets:\n +- name: pull\n/],
  ["cniConf.binDir=/var/lib/rancher/k3s/data/cni", /hostPath:\n +path: \/var\/lib\/rancher\/k3s\/data\/cni\n/],
  ["cniConf.confDir=/etc/other", /mountPath: \/etc\/other\n[^]*hostPath:\n +path: \/etc\/other\n/],
  ["cniConf.netnsDir=/var/run/netns", /mountPath: \/run\/netns\n[^]*hostPath:\n +path: \/var\/run\/netns\n/],
  ["cron=7 * * * *", /cron-expression: "7 \* \* \* \*"[^]*schedule: "7 \* \* \* \*"/],
  ["flatFile.log_level=error", /whereabouts\.conf: "\{\\n {2}\\"log_level\\": \\"error\\"\\n\}"/],
  ["flatFileSecret=etcd", /secretName: etcd\n +optional: true\n +items:\n +- key: whereabouts\.conf/],
  ["deadNodeGrace=never", /--dead-node-grace=never\n[^]*--dead-node-grace=never\n/],
  [
    "elasticSlices=true",
    /kind: ClusterRole\n[^]*name: whereabouts-elastic\n[^]*resources: \[nodeslicepools\]\n +verbs: \[patch\]/,
  ],
  ["persistentAddresses=true", /kind: ClusterRole\n[^]*name: whereabouts-persistent\n[^]*resources: \[ipamclaims\]/],
  ["log.level=debug", /--log-level=debug\n[^]*--log-level=debug\n/],
  ["log.format=json", /--log-format=json\n[^]*--log-format=json\n/],
  ["commonLabels.team=net", /team: net\n/],
  ["metrics.agent.port=9999", /--http-address\n +- "127\.0\.0\.1:9999"/],
  ["metrics.agent.expose=true", /"\$\(POD_IP\):9478"[^]*- name: POD_IP[^]*containerPort: 9478/],
  ["metrics.podMonitor.enabled=true", /"\$\(POD_IP\):9478"[^]*kind: PodMonitor\n[^]*honorLabels: true/],
  ["metrics.dashboards.enabled=true", /kind: ConfigMap\n[^]*grafana_dashboard: "1"[^]*whereabouts-fleet\.json: \|\n/],
  ["metrics.controller.port=9998", /\$\(POD_IP\):9998[^]*containerPort: 9998/],
  ["metrics.service.enabled=true", /kind: Service\n[^]*clusterIP: None/],
  ["networkPolicy.enabled=true", /kind: NetworkPolicy\n/],
  ["node.updateStrategy.rollingUpdate.maxUnavailable=10%", /rollingUpdate:\n +maxUnavailable: 10%/],
  ["node.podAnnotations.a=b", /annotations:\n +a: b\n/],
  ["node.podLabels.a=b", /component: node\n +a: b\n/],
  ["node.affinity.nodeAffinity.x=y", /affinity:\n +nodeAffinity:/],
  ["node.extraArgs[0]=--socket=/run/other.sock", /- --socket=\/run\/other\.sock\n/],
  ["node.extraEnv[0].name=KUBE_CA_FILE", /- name: KUBE_CA_FILE\n/],
  ["node.extraVolumes[0].name=more", /volumes:\n[^]*- name: more\n/],
  ["node.extraVolumeMounts[0].name=more", /volumeMounts:\n[^]*- name: more\n/],
  ["node.serviceAccount.annotations.a=b", /kind: ServiceAccount\n[^]*annotations:\n +a: b\n/],
  ["node.serviceAccount.name=other", /serviceAccountName: other\n/],
  ["node.seLinuxOptions.type=my_t", /type: my_t\n/],
  ["controller.replicas=3", /replicas: 3\n/],
  ["controller.podAnnotations.a=b", /annotations:\n +a: b\n/],
  ["controller.extraArgs[0]=--grace=1h", /- --grace=1h\n/],
  ["controller.serviceAccount.name=other", /serviceAccountName: other\n[^]*serviceAccountName: other\n/],
  ["controller.topologySpreadConstraints[0].maxSkew=2", /- maxSkew: 2/],
  ["controller.podDisruptionBudget.maxUnavailable=50%", /maxUnavailable: 50%/],
  ["reconciler.suspend=false", /suspend: false/],
  ["reconciler.image.repository=registry.example.com/sweep", /image: registry\.example\.com\/sweep:\d/],
  ["reconciler.image.tag=v9", /image: whereabouts-reconciler:v9\n/],
  [`reconciler.image.digest=${DIGEST}`, new RegExp(`image: whereabouts-reconciler@${DIGEST}\n`)],
  ["reconciler.tolerations[0].key=sweep", /kind: CronJob\n[^]*tolerations:\n +- key: sweep/],
  ["reconciler.extraArgs[0]=--json", /- --json\n/],
];

Deno.test("the values of the chart have their effect", async () => {
  const plain = await template();
  for (const [setting, expected] of SETTINGS) {
    assert.doesNotMatch(plain, expected, setting);
    assert.match(await template("--set", setting), expected, setting);
  }
});

Deno.test("switches of the chart remove their objects", async () => {
  const without = async (setting: string) => [...objectsOf(await template("--set", setting)).keys()];
  const all = [...objectsOf(await template()).keys()];
  const removed = async (setting: string) => {
    const left = await without(setting);
    return all.filter((key) => !left.includes(key));
  };
  const controller = "kube-system/whereabouts-controller";
  const budget = await removed("controller.podDisruptionBudget.enabled=false");
  assert.deepEqual(budget, [`PodDisruptionBudget ${controller}`]);
  assert.deepEqual(await removed("node.serviceAccount.create=false"), ["ServiceAccount kube-system/whereabouts"]);
  assert.deepEqual(await removed("controller.serviceAccount.create=false"), [`ServiceAccount ${controller}`]);
  const disabled = (await removed("controller.enabled=false")).sort();
  assert.deepEqual(disabled, ["Deployment", "Lease", "PodDisruptionBudget"].map((kind) => `${kind} ${controller}`));
  const unspread = objectsOf(await template("--set", "controller.spreadOverNodes=false")).get(DEPLOYMENT);
  assert.equal(unspread?.spec.template.spec.topologySpreadConstraints, undefined);
});

Deno.test("without the controller the CronJob runs", async () => {
  const suspended = async (...settings: string[]) => {
    const flags = settings.flatMap((setting) => ["--set", setting]);
    return objectsOf(await template(...flags)).get(CRON_JOB)?.spec.suspend;
  };
  assert.equal(await suspended(), true);
  assert.equal(await suspended("controller.enabled=false"), false);
  assert.equal(await suspended("controller.enabled=false", "reconciler.suspend=true"), true);
});

Deno.test("the chart renders into the chosen namespace", async () => {
  const namespaces = (objects: Map<string, unknown>) =>
    new Set([...objects.keys()].map((key) => /^\w+ ([^/]*)\//.exec(key)?.[1]).filter((one) => one !== ""));
  assert.deepEqual(namespaces(objectsOf(await template())), new Set(["kube-system", "kube-node-lease"]));
  const moved = await template("--set", "namespaceOverride=");
  assert.deepEqual(namespaces(objectsOf(moved)), new Set(["other", "kube-node-lease"]));
  assert.doesNotMatch(moved, /kube-system/);
});

Deno.test("names follow the overrides, and references follow the names", async () => {
  for (const flag of ["nameOverride", "fullnameOverride"]) {
    const text = await template("--set", `${flag}=second`);
    const names = [...objectsOf(text).values()].filter(({ kind }) => kind !== "CustomResourceDefinition")
      .map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    // the leader's Lease belongs to the pools of the namespace
    assert.deepEqual(names.filter((name) => !/\/second(-|$)/.test(name)), ["Lease/whereabouts-controller"], flag);
    assert.doesNotMatch(
      text.replaceAll(/customresourcedefinition[^]*?(?=\n---)/gi, ""),
      /name: whereabouts-(config|node)\n/,
    );
  }
});

Deno.test("every object has the recommended labels, and selectors have none that a release changes", async () => {
  const objects = [...objectsOf(await template("--set", "commonLabels.team=net")).entries()]
    .filter(([name]) => !name.startsWith("CustomResourceDefinition"));
  for (const [name, { metadata: { labels = {} } }] of objects) {
    const shown = Object.keys(labels).filter((label) => label.includes("/")).sort();
    const component = "app.kubernetes.io/component";
    const usual = ["instance", "managed-by", "name", "version"].map((one) => `app.kubernetes.io/${one}`);
    assert.deepEqual(shown, [component, ...usual, "helm.sh/chart"], name);
    assert.equal(labels["team"], "net", name);
  }
  for (const name of [DAEMON_SET, DEPLOYMENT]) {
    const { selector, template: pod } = objectsOf(await template()).get(name)?.spec ?? {};
    assert.deepEqual(Object.keys(selector?.matchLabels ?? {}), [name === DAEMON_SET ? "name" : "app"]);
    assert.equal(pod?.metadata.labels?.["helm.sh/chart"], undefined);
  }
});
