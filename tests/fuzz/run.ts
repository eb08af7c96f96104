// deno-lint-ignore-file no-console -- a tool for people
/**
 * Runs seeds of hostile input: `deno run -A tests/fuzz/run.ts [--minutes N] [--from SEED]`, or one seed: `--seed SEED`. Prints the seeds.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { makeCertificates } from "./certificates.ts";
import { runSeed } from "./cases.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
  },
});
const certificates = await makeCertificates();
const uncaught: unknown[] = [];
for (const type of ["error", "unhandledrejection"] as const) {
  globalThis.addEventListener(type, (event) => {
    event.preventDefault();
    uncaught.push("reason" in event ? event.reason : (event as ErrorEvent).error);
  });
}

let failures = 0;
const end = performance.now() + Number(values.minutes) * 60_000;
const first = Number(values.seed ?? values.from);
let seed = first;
do {
  const problem = await runSeed(seed, certificates).then(() => uncaught.splice(0)[0], (error) => error);
  if (problem !== undefined) {
    failures++;
    console.error(problem instanceof Error ? problem.message : `Seed ${seed}: uncaught ${problem}`);
    if (values.seed !== undefined) console.error(problem);
  }
  seed++;
} while (values.seed === undefined && performance.now() < end && failures < 20);
console.log(`Seeds ${first} to ${seed - 1}: ${failures} failed`);
Deno.exit(failures > 0 ? 1 : 0);
