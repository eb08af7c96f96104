// deno-lint-ignore-file no-console -- a tool for people
/**
 * Runs simulations: `deno run -A tests/sim/run.ts [--seeds N] [--from SEED] [--world NAME] [--until-broken] [--seed SEED]`.
 *
 * `--seed` prints the whole trace of a seed. `--world` runs every seed in that world, so that other worlds do not change its histories; without
 * it, the seeds run all worlds alternately. `--until-broken` ends at the first broken promise with its seed, and fails if no promise was broken.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { BrokenPromiseError } from "./broken.ts";
import { settingOf, SETTINGS, simulate } from "./seeds.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    world: { type: "string" },
    "until-broken": { type: "boolean", default: false },
  },
});

const world = SETTINGS.find((setting) => setting === values.world);
if (world !== values.world) throw new RangeError(`Unknown world ${values.world}: expected ${SETTINGS.join(", ")}`);

/** Runs a seed, and returns whether it kept all promises. */
async function keeps(seed: number): Promise<boolean> {
  try {
    await simulate(seed, world ?? settingOf(seed));
    return true;
  } catch (error) {
    if (!values["until-broken"] || !(error instanceof BrokenPromiseError)) throw error;
    console.log(`seed ${seed}: ${error.message.split("\n", 1)[0]}`);
    return false;
  }
}

/** Runs the seeds. Returns the exit code. */
async function run(from: number, seeds: number): Promise<number> {
  const start = performance.now();
  for (let seed = from; seed < from + seeds; seed++) {
    if (!await keeps(seed)) return 0;
    const count = seed - from + 1;
    if (count % 100 === 0) console.error(`${count} of ${seeds} seeds`);
  }
  console.log(`${seeds} seeds, no broken promise, ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return values["until-broken"] ? 1 : 0;
}

if (values.seed !== undefined) {
  const { trace } = await simulate(Number(values.seed), world ?? settingOf(Number(values.seed)));
  console.log(trace.join("\n"));
} else {
  Deno.exit(await run(Number(values.from), Number(values.seeds)));
}
