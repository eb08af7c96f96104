import { makeCertificates } from "./certificates.ts";
import { runSeed } from "./cases.ts";

/** `deno run -A tests/fuzz/run.ts --minutes 5` runs many more. */
const SEEDS = 140;

Deno.test("hostile input of every kind leads to one error or a valid answer, and crashes no process", async () => {
  const certificates = await makeCertificates();
  for (let seed = 1; seed <= SEEDS; seed++) await runSeed(seed, certificates);
});
