// deno-lint-ignore-file no-console -- a bench prints its table
/**
 * Times the binary against a binary without one piece of machinery, alternately in one run.
 *
 * @module
 */
import { table } from "../../src/cli/table.ts";
import { AgentNode } from "../support/agent.ts";
import { type Call, compilation } from "../support/binary.ts";
import { editedCopy } from "../support/edited.ts";
import { ControlPlane, type Kube, namespaceOf } from "../support/kube.ts";
import { must } from "../support/process.ts";
import { type Ablation, type Scenario, SOURCES } from "./ablations.ts";
import { callsOf, put } from "./ask.ts";
import { childrenCpu, once } from "./measure.ts";

/** Calls of a round. */
const COUNT = 100;
/** Rounds of calls that an agent serves over its socket, for each round of processes: one is as long as some ten processes. */
const SHARE = 0.25;

/** One row of the table. */
export interface AblationRow {
  /** The piece of machinery. */
  readonly name: string;
  /** What was timed. */
  readonly scenario: Scenario;
  /** Rounds. */
  readonly rounds: number;
  /** Milliseconds of the fastest round with it. */
  readonly withIt: number;
  /** Milliseconds of the fastest round without it. */
  readonly without: number;
  /** Median of the rounds' ratios, without over with: above 1, the machinery gains time. */
  readonly ratio: number;
  /** Ratio of the CPU time of all rounds, if rounds are processes: busy machines change it less than the time. */
  readonly cpuRatio?: number;
  /** Calls that failed without it. */
  readonly failed: number;
}

/** Milliseconds of one round, CPU time of its process, and failed calls. */
interface Round {
  readonly elapsed: number;
  readonly cpu?: number;
  readonly failed: number;
}

/** One of the two programs in one scenario. */
interface Side extends AsyncDisposable {
  /** Runs a round on its own pool. */
  run(round: number, range: string): Promise<Round>;
}

/** Times the pieces. `say` receives the progress. */
export async function ablationRows(
  binary: string,
  ablations: readonly Ablation[],
  rounds: number,
  say: (text: string) => void,
): Promise<AblationRow[]> {
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  const rows: AblationRow[] = [];
  let pools = 0;
  const range = () => `10.${pools >> 8}.${pools++ & 255}.0/24`;
  for (const ablation of ablations) {
    say(`without ${ablation.name}: compiling`);
    await using edited = await compileWithout(ablation);
    for (const scenario of ablation.scenarios) {
      say(`without ${ablation.name}: ${scenario}`);
      await using stack = new AsyncDisposableStack();
      const sides: Side[] = [];
      for (const path of [binary, edited.path]) sides.push(stack.use(await sideOf(scenario, path, kube)));
      const isProcess = scenario === "direct" || scenario === "agent";
      const count = isProcess ? rounds : Math.ceil(rounds * SHARE);
      rows.push({ name: ablation.name, scenario, rounds: count, ...await paired(sides, count, range) });
    }
  }
  return rows;
}

async function compileWithout({ edits }: Ablation): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await editedCopy(SOURCES, edits);
  const path = `${folder}/whereabouts`;
  const args = ["run", "--quiet", "--no-check", "-A", "install/compile.ts", "--revision", "unknown", "--output", path];
  await must([Deno.execPath(), ...args], { cwd: folder, env: await compilation() });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/** Runs both sides alternately; the first side of a round alternates, too. */
async function paired(sides: readonly Side[], rounds: number, range: () => string) {
  const results: Round[][] = sides.map(() => []);
  for (let round = -1; round < rounds; round++) {
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const i of order) {
      const result = await sides[i]?.run(round + 1, range());
      if (result && round >= 0) results[i]?.push(result); // earlier rounds load programs and pages into memory
    }
  }
  const [withIt = [], without = []] = results;
  const cpuOf = (side: readonly Round[]) => side.reduce((sum, { cpu = Number.NaN }) => sum + cpu, 0);
  const cpuRatio = cpuOf(without) / cpuOf(withIt);
  return {
    withIt: Math.min(...withIt.map(({ elapsed }) => elapsed)),
    without: Math.min(...without.map(({ elapsed }) => elapsed)),
    ratio: median(without.map(({ elapsed }, i) => elapsed / (withIt[i]?.elapsed ?? Number.NaN))),
    ...(!Number.isNaN(cpuRatio) && { cpuRatio }),
    failed: without.reduce((sum, { failed }) => sum + failed, 0),
  };
}

async function sideOf(scenario: Scenario, path: string, kube: Kube): Promise<Side> {
  await using stack = new AsyncDisposableStack();
  const node = scenario === "direct" ? undefined : stack.use(new AgentNode(path));
  await node?.start();
  const owned = stack.move();
  const side = crypto.randomUUID().slice(0, 8);
  const run = async (round: number, range: string): Promise<Round> => {
    const calls = (count: number, prefix: string) => callsOf(kube, count, `${side}-${prefix}${round}-`, [range]);
    const [first] = calls(1, "first");
    if (!node || scenario === "agent") return await runProcess(path, kube, side, round, node);
    await put(node, first ? [first] : [], 1); // creates the pool
    if (scenario === "attachment") return await put(node, calls(1, "").flatMap((call) => repeat(call, COUNT)), COUNT);
    return await put(node, calls(COUNT, ""), scenario === "calm" ? 1 : COUNT);
  };
  return { run, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** All processes of a side use one pool, which the first round creates. */
async function runProcess(path: string, kube: Kube, side: string, round: number, node?: AgentNode): Promise<Round> {
  const range = `10.${200 + (parseInt(side, 16) & 31)}.0.0/16`;
  const [call] = callsOf(kube, 1, `${side}-${round}-`, [range]);
  if (!call) throw new Error("A round has no call");
  const before = childrenCpu();
  const elapsed = await once(path, call, node?.environment(call));
  return { elapsed, cpu: childrenCpu() - before, failed: 0 };
}

const repeat = (call: Call, count: number): Call[] => Array.from({ length: count }, () => call);

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Prints times of the fastest round: a call for processes, else a hundred. The ratio is the median of the rounds' ratios. */
export function printAblations(rows: readonly AblationRow[]): void {
  const lines = rows.map(({ name, scenario, rounds, withIt, without, ratio, cpuRatio, failed }) => [
    ...[name, scenario, `${rounds}`, withIt.toFixed(1), without.toFixed(1), ratio.toFixed(2)],
    ...[cpuRatio?.toFixed(2) ?? "", `${failed}`],
  ]);
  const headings = [
    "MACHINERY",
    "SCENARIO",
    "ROUNDS",
    "MIN MS WITH",
    "MIN MS WITHOUT",
    "WITHOUT / WITH",
    "OF CPU",
    "FAILED WITHOUT",
  ];
  for (const line of table(headings, lines)) console.log(line);
}
