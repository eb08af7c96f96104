/**
 * Dashboards and alerts on a real Prometheus that scrapes a real agent and controller: each query parses and has a result.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { AgentNode } from "../support/agent.ts";
import { binary } from "../support/binary.ts";
import { CHART } from "../support/helm.ts";
import { ControlPlane, type Kube, namespaceOf } from "../support/kube.ts";
import { Objects } from "../support/objects.ts";
import { answers, eventually, freePort, Server } from "../support/process.ts";
import { prometheus } from "../support/prometheus.ts";

const PLUGIN = await binary();
const NODE = "node1";
/** Milliseconds between two scrapes. */
const SCRAPE_INTERVAL = 1_000;
/** Milliseconds for all queries to have results: two sweeps take 20 s, and most queries need two scrapes. */
const LIMIT = 240_000;

/** A query of a dashboard. */
interface Query {
  /** Dashboard and panel. */
  readonly where: string;
  /** In PromQL, without the variables of Grafana. */
  readonly expr: string;
  /** Labels that its legend names. */
  readonly labels: readonly string[];
}

/** The used part of a dashboard. */
interface Dashboard {
  readonly title: string;
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: { readonly query: string } }[];
  };
}

function queriesOf({ title, panels, templating: { list } }: Dashboard): readonly Query[] {
  const plain = (expr: string) =>
    list.reduce((text, { name }) => text.replaceAll(`$${name}`, ".+"), expr.replaceAll("$__rate_interval", "1m"));
  const ofPanels = panels.flatMap((panel) =>
    panel.targets.map(({ expr, legendFormat }) => ({
      where: `${title}: ${panel.title}`,
      expr: plain(expr),
      labels: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label),
    }))
  );
  const ofVariables = list.flatMap(({ name, query }) => {
    const [, metric, label = ""] = /^label_values\((\w+), (\w+)\)$/.exec(query.query ?? "") ?? [];
    return metric === undefined ? [] : [{ where: `${title}: $${name}`, expr: metric, labels: [label] }];
  });
  return [...ofPanels, ...ofVariables];
}

/** The networks: a plain one, one that is full, and one with a slice for the node. */
function networksOf({ kubeconfig }: Kube): Readonly<Record<string, Record<string, unknown>>> {
  const ranges = {
    plain: { range: "10.60.0.0/24" },
    full: { range: "10.61.0.0/30" },
    sliced: { range: "10.62.0.0/24", node_slice_size: "/28" },
  };
  return Object.fromEntries(
    Object.entries(ranges).map(([name, range]) => {
      const ipam = { type: "whereabouts", log_level: "error", kubernetes: { kubeconfig }, ...range };
      return [name, { cniVersion: "1.0.0", name, type: "macvlan", ipam }];
    }),
  );
}

async function ask(address: string, path: string): Promise<{ readonly status: number; readonly data: unknown }> {
  const response = await fetch(`http://${address}/api/v1/${path}`);
  const { data, error } = await response.json();
  return { status: response.status, data: data ?? error };
}

/** The series of the result of an expression. */
async function evaluate(
  address: string,
  expr: string,
): Promise<readonly { readonly metric: Record<string, string> }[]> {
  const { status, data } = await ask(address, `query?query=${encodeURIComponent(expr)}`);
  assert.equal(status, 200, `${expr}: ${data}`);
  return (data as { readonly result: readonly { readonly metric: Record<string, string> }[] }).result;
}

/** Starts Prometheus with the alerts of the chart, on targets by job. */
async function observe(folder: string, targets: Readonly<Record<string, string>>) {
  const address = `127.0.0.1:${freePort()}`;
  const scrape = ([job, target]: readonly [string, string]) => ({
    job_name: job,
    honor_labels: true,
    static_configs: [{ targets: [target], ...(job === "agent" && { labels: { node: NODE } }) }],
  });
  const config = {
    global: { scrape_interval: `${SCRAPE_INTERVAL}ms`, evaluation_interval: "1s" },
    rule_files: [`${CHART}/files/alerts.yaml`],
    scrape_configs: Object.entries(targets).map(scrape),
  };
  await Deno.writeTextFile(`${folder}/prometheus.json`, JSON.stringify(config));
  const flags = [`--config.file=${folder}/prometheus.json`, `--storage.tsdb.path=${folder}/data`];
  const command = [(await prometheus()).prometheus, ...flags, `--web.listen-address=${address}`];
  const server = new Server(command, `${folder}/prometheus.log`);
  await server.ready("Prometheus", () => answers(`http://${address}/-/ready`));
  const failing = async () => {
    const { data } = await ask(address, "targets");
    const { activeTargets } = data as { readonly activeTargets: readonly { health: string; lastError: string }[] };
    return activeTargets.filter(({ health }) => health !== "up").map(({ health, lastError }) =>
      `${health} ${lastError}`
    );
  };
  const scraped = async () => (await failing()).length === 0 && (await evaluate(address, "up")).length > 1;
  await eventually("a scrape of both", scraped).catch(async () => assert.deepEqual(await failing(), []));
  return { address, server };
}

Deno.test("every query of the dashboards and every metric of the alerts has a result on a real scrape", async () => {
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  using objects = new Objects({ ...kube, namespace: "default" });
  await objects.installAttachments();
  await objects.node(NODE);
  const networks = networksOf(kube);
  for (const [name, conf] of Object.entries(networks)) await objects.attachment(name, conf);
  const [agent, controller] = [`127.0.0.1:${freePort()}`, `127.0.0.1:${freePort()}`];
  await using node = new AgentNode(PLUGIN, { args: ["--http-address", agent], env: { NODENAME: NODE } });
  await node.start();
  let pods = 0;
  const add = async (network: string) => {
    const pod = `${network}-${pods++}`;
    await objects.pod(pod);
    return await node.ask({ verb: "ADD", conf: networks[network], containerId: pod, pod });
  };
  // no such pod exists: the sweep frees its address
  await node.ask({ verb: "ADD", conf: networks["plain"], containerId: "gone", pod: "gone" });
  for (const one of ["full", "full"]) assert.equal((await add(one)).code, 0);
  assert.equal((await add("full")).code, 1, "the range has two addresses");
  const command = [PLUGIN, "controller", "--kubeconfig", kube.kubeconfig, "--http-address", controller];
  const more = ["--interval", "10s", "--grace", "5s", "--lease-namespace", kube.namespace];
  await using running = new Server([...command, ...more], `${node.folder}/controller.log`);
  await running.ready("the controller", () => answers(`http://${controller}/readyz`));
  await eventually("the slice of the node", async () => (await add("sliced")).code === 0);
  const { address, server } = await observe(node.folder, { agent, controller });
  await using _prometheus = server;
  const read = async (name: string) => JSON.parse(await Deno.readTextFile(`${CHART}/dashboards/${name}`)) as Dashboard;
  const files = [...Deno.readDirSync(`${CHART}/dashboards`)].map(({ name }) => name).filter((one) =>
    one.endsWith("json")
  );
  const queries = (await Promise.all(files.map(read))).flatMap(queriesOf);
  assert(queries.length >= 40, `only ${queries.length} queries were found`);
  const missing = async () => {
    const found = await Promise.all(queries.map(async ({ where, expr, labels }) => {
      const result = await evaluate(address, expr);
      const absent = labels.filter((label) => !result.some(({ metric }) => label in metric));
      return result.length === 0 ? [`${where}: ${expr}`] : absent.map((label) => `${where}: label ${label} of ${expr}`);
    }));
    return found.flat();
  };
  await eventually("a result of each query", async () => {
    if ((await missing()).length === 0) return true;
    await add("plain"); // the pool fills, so that its time until full is known
    await new Promise((resolve) => setTimeout(resolve, SCRAPE_INTERVAL));
  }, LIMIT).catch(async () => assert.deepEqual(await missing(), []));

  const { groups } = parse(await Deno.readTextFile(`${CHART}/files/alerts.yaml`));
  const rules: readonly { readonly expr: string }[] = groups.flatMap(({ rules }: { rules: unknown[] }) => rules);
  const selectors = new Set(
    rules.flatMap(({ expr }) => expr.match(/\b(?:up|whereabouts[\w:]+)\b(?:\{[^}]*\})?/g) ?? []),
  );
  assert(selectors.size >= 15, `only ${[...selectors]} were found`);
  for (const selector of selectors) assert((await evaluate(address, selector)).length > 0, selector);
  const { data } = await ask(address, "rules");
  const loaded = (data as { readonly groups: readonly { readonly rules: readonly { readonly health: string }[] }[] })
    .groups
    .flatMap(({ rules }) => rules);
  assert.equal(loaded.length, rules.length);
  assert.deepEqual(loaded.filter(({ health }) => health !== "ok"), []);
});
