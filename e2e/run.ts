// deno-lint-ignore-file no-console -- a command tells its result
/**
 * Brings up a cluster of two nodes, runs the stories on it, and takes it down.
 *
 * `deno task e2e [--chart] [STORY…]`. With `--chart`, Helm installs the chart of a release; else its `install.yaml` is applied. What the
 * cluster logged is kept when a story fails. The last line counts; the exit code is 0 only when every story ran and passed.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { cacheFolder } from "../tests/support/assets.ts";
import { prepareMachine } from "../tests/support/preflight.ts";
import { must } from "../tests/support/process.ts";
import { conclude, totalsOf } from "../tests/support/report.ts";
import { CLUSTER_VARIABLE, type Installer, startCluster } from "./cluster.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** Every story, sorted. */
function allStories(): readonly string[] {
  return [...Deno.readDirSync(`${ROOT}e2e`)].map(({ name }) => name).filter((name) => name.endsWith("_test.ts")).sort()
    .map((name) => `${ROOT}e2e/${name}`);
}

/** Runs the stories in one run of `deno test`. Whoever stops this stops them, and the cluster is then taken down as ever. */
async function denoTest(files: readonly string[], report: string, state: string): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-prompt", `--junit-path=${report}`, ...files],
    env: { [CLUSTER_VARIABLE]: state },
    cwd: ROOT,
    stdin: "null",
  }).spawn();
  const end = () => child.kill("SIGTERM");
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, end);
  const { code } = await child.status;
  for (const signal of signals) Deno.removeSignalListener(signal, end);
  return code;
}

/** Keeps what the cluster logged. Returns where. */
async function keepLogs(state: string): Promise<string> {
  const kept = `${cacheFolder()}/e2e-failed`;
  await Deno.remove(kept, { recursive: true }).catch(() => {});
  await Deno.mkdir(kept);
  await must(["sh", "-c", 'cp ./*.log "$1"; for n in node*/; do cp -a "$n"log "$1/${n%/}"; done', "sh", kept], {
    cwd: state,
  });
  return kept;
}

async function main(stories: readonly string[], installer: Installer): Promise<number> {
  await prepareMachine("e2e");
  const start = Date.now();
  const seconds = () => ((Date.now() - start) / 1000).toFixed(1);
  const files = stories.length > 0 ? stories.map((path) => Deno.realPathSync(path)) : allStories();
  await using cluster = await startCluster({
    installer,
    report: (step) => console.error(`e2e: ${step}, after ${seconds()} s`),
  });
  console.error(`e2e: the cluster is up after ${seconds()} s`);
  const report = `${cluster.state}/report.xml`;
  const code = await denoTest(files, report, cluster.state);
  console.error(`e2e: the stories ended after ${seconds()} s`);
  const text = await Deno.readTextFile(report).catch(() => "");
  const conclusion = conclude(code, totalsOf(text, files, ROOT));
  if (conclusion.code !== 0) console.error(`e2e: what the cluster logged is in ${await keepLogs(cluster.state)}`);
  console.log(conclusion.text);
  return conclusion.code;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({ options: { chart: { type: "boolean" } }, allowPositionals: true });
  const code = await main(positionals, values.chart ? "chart" : "manifest").catch((error) => {
    console.error(error instanceof Error ? error.message : error);
    console.log("\n0 passed, 1 failed");
    return 1;
  });
  Deno.exit(code);
}
