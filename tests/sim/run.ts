// deno-lint-ignore-file no-console -- a tool for people
/**
 * Runs simulations: `deno run -A tests/sim/run.ts [--seeds N] [--from SEED] [--seed SEED]`. One seed shows its whole trace.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { simulate } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
  },
});

if (values.seed !== undefined) {
  const { trace } = await simulate(Number(values.seed));
  console.log(trace.join("\n"));
} else {
  const from = Number(values.from);
  const count = Number(values.seeds);
  const start = performance.now();
  for (let seed = from; seed < from + count; seed++) {
    await simulate(seed);
    if ((seed - from + 1) % 100 === 0) console.error(`${seed - from + 1} of ${count} seeds`);
  }
  console.log(`${count} seeds, no broken promise, ${((performance.now() - start) / 1000).toFixed(1)} s`);
}
