/**
 * Alerts, dashboards and monitors: promtool accepts the alerts and evaluates recorded series, documents have their runbooks, and chart and
 * overlay create the same.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse, parseAllDocuments, stringify } from "yaml";
import { REPOSITORY_URL } from "../../install/repository.ts";
import { VERSION } from "../../src/version.ts";
import { run } from "../cli/lab.ts";
import { textOf } from "../documents.ts";
import { assets } from "../support/assets.ts";
import { CHART, INSTALL, type KubeObject, objectsOf, template, withoutHelmLabels } from "../support/helm.ts";
import { must } from "../support/process.ts";
import { prometheus } from "../support/prometheus.ts";

const KUBECTL = `${await assets("controlPlane")}/kubectl`;
const ALERTS = `${CHART}/files/alerts.yaml`;
const SERIES = new URL("alerts.yaml", import.meta.url).pathname;
const MONITORS = `${INSTALL}overlays/monitoring/monitors.yaml`;
const ENABLED = ["podMonitor", "prometheusRule", "dashboards"].flatMap((one) => [
  "--set",
  `metrics.${one}.enabled=true`,
]);
const KINDS = ["PodMonitor", "PrometheusRule"];

interface Rule {
  readonly alert?: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
}

interface Group {
  readonly name: string;
  readonly rules: readonly Rule[];
}

const groups: readonly Group[] = parse(await Deno.readTextFile(ALERTS)).groups;
const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);

Deno.test("promtool accepts the alerts, and each fires on its recorded series and on no other", async () => {
  const { promtool } = await prometheus();
  assert.match(await must([promtool, "check", "rules", ALERTS]), /SUCCESS: \d+ rules found/);
  assert.match(await must([promtool, "test", "rules", SERIES]), /SUCCESS/);
  const { tests } = parse(await Deno.readTextFile(SERIES));
  const samplesOf = (name: string): readonly unknown[] =>
    tests.filter((one: { readonly name: string }) => one.name === name)
      .flatMap((one: { readonly promql_expr_test: unknown[] }) => one.promql_expr_test)
      .filter(({ expr }: { readonly expr: string }) => expr.includes(`"${name.split(" ")[0]}"`))
      .flatMap(({ exp_samples }: { readonly exp_samples: unknown[] }) => exp_samples);
  const names = tests.map(({ name }: { readonly name: string }) => name);
  for (const { alert } of alerts) {
    assert.equal(samplesOf(`${alert} fires`).length, 1, alert);
    assert.deepEqual(samplesOf(`${alert} does not fire`), [], alert);
    assert(names.includes(`${alert} does not fire`), alert);
  }
});

Deno.test("each alert has a summary, the next command, and a runbook that exists", async () => {
  assert(alerts.length >= 15, `only ${alerts.length} alerts were found`);
  const headings = [...textOf("docs/OPERATIONS.md").matchAll(/^### (Whereabouts\w+)$/gm)].map(([, name]) => name);
  assert.deepEqual(headings.toSorted(), alerts.map(({ alert }) => alert).toSorted());
  const commands = new Set<string>();
  for (const { alert = "", annotations: { summary, description, runbook_url } } of alerts) {
    const anchor = alert.toLowerCase();
    assert.equal(runbook_url, `${REPOSITORY_URL}/blob/v${VERSION}/docs/OPERATIONS.md#${anchor}`);
    assert.match(summary, /\S+ \S+ \S+/, alert);
    const [, command = ""] = /\. Next: (?:whereabouts (\w+)|kubectl -n kube-system (?:get|logs) )/.exec(description) ??
      assert.fail(`${alert} has no next command: ${description}`);
    if (command) commands.add(command);
  }
  for (const command of commands) assert.equal((await run(command, "--help")).code, 0, command);
});

Deno.test("the chart has the alerts of what it runs, with commands for its namespace and names", async () => {
  const rendered = async (...settings: string[]) => {
    const text = await template(...ENABLED, ...settings.flatMap((one) => ["--set", one]));
    const rule = [...objectsOf(text).values()].find(({ kind }) => kind === "PrometheusRule");
    return rule as (KubeObject & { readonly spec: { readonly groups: readonly Group[] } }) | undefined;
  };
  const names = async (...settings: string[]) => (await rendered(...settings))?.spec.groups.map(({ name }) => name);
  assert.deepEqual((await rendered())?.spec.groups, groups);
  assert.deepEqual(await names("metrics.agent.expose=false"), ["whereabouts-controller"]);
  assert.deepEqual(await names("controller.enabled=false"), ["whereabouts-node"]);
  assert.equal(await names("controller.enabled=false", "metrics.agent.expose=false"), undefined);
  const moved = JSON.stringify((await rendered("namespaceOverride=net", "fullnameOverride=second"))?.spec);
  assert.match(moved, /kubectl -n net get pods -l name=second [^]*kubectl -n net logs -l name=second /);
  assert.match(moved, /-l app=second-controller/);
  assert.doesNotMatch(moved, /kube-system/);
});

Deno.test("the dashboards are those of chart and kustomization, each with an identity of its own", async () => {
  const names = [...Deno.readDirSync(`${CHART}/dashboards`)].flatMap(({ name }) =>
    name.match(/^(\w+)\.json$/)?.[1] ?? []
  );
  assert.deepEqual(names.toSorted(), ["fleet", "network", "node"]);
  const ofChart = objectsOf(await template(...ENABLED));
  const ofOverlay = objectsOf(await must([KUBECTL, "kustomize", `${CHART}/dashboards`]));
  assert.equal(ofOverlay.size, names.length);
  for (const [key, object] of ofOverlay) assert.deepEqual(withoutHelmLabels(ofChart.get(key)), object);
  for (const name of names) {
    const { uid, tags } = JSON.parse(await Deno.readTextFile(`${CHART}/dashboards/${name}.json`));
    assert.deepEqual([uid, tags], [`whereabouts-${name}`, ["whereabouts"]]);
  }
});

Deno.test("the component for kustomize adds to any overlay what the chart creates (UPDATE_GOLDEN=1 writes it)", async () => {
  const ofChart = objectsOf(await template(...ENABLED));
  const monitors = [...ofChart.values()].filter(({ kind }) => KINDS.includes(kind)).map(withoutHelmLabels);
  assert.equal(monitors.length, 3);
  if (Deno.env.get("UPDATE_GOLDEN")) {
    const text = monitors.map((one) => stringify(one, { lineWidth: 0 })).join("---\n");
    await Deno.writeTextFile(
      MONITORS,
      `# What the chart renders with metrics.podMonitor and metrics.prometheusRule.\n${text}`,
    );
  }
  assert.deepEqual(parseAllDocuments(await Deno.readTextFile(MONITORS)).map((one) => one.toJS()), monitors);
  const folder = await Deno.makeTempDir();
  try {
    await must(["cp", "-r", INSTALL, `${folder}/install`]);
    await Deno.mkdir(`${folder}/overlay`);
    const overlay = (base: string) => `resources: [../install/${base}]\ncomponents: [../install/overlays/monitoring]\n`;
    for (const [base, distribution] of [["manifests", "standard"], ["overlays/k3s", "k3s"]] as const) {
      await Deno.writeTextFile(`${folder}/overlay/kustomization.yaml`, overlay(base));
      const built = objectsOf(await must([KUBECTL, "kustomize", `${folder}/overlay`]));
      const rendered = objectsOf(await template(...ENABLED, "--set", `distribution=${distribution}`));
      rendered.delete("Pod kube-system/whereabouts-check");
      assert.deepEqual([...built.keys()].sort(), [...rendered.keys()].sort());
      for (const [key, object] of built) assert.deepEqual(sorted(object), sorted(rendered.get(key)), key);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Without the labels of Helm, and with variables in the order of their names. */
function sorted(object: unknown): unknown {
  return JSON.parse(
    JSON.stringify(withoutHelmLabels(object)),
    (key, value) =>
      key === "env" || key === "volumeMounts"
        ? value.toSorted((a: { name: string }, b: { name: string }) => a.name < b.name ? -1 : 1)
        : value,
  );
}
