import { type Revert, REVERTS } from "./reverts/mod.ts";
import { undo } from "./undo.ts";

/** Max concurrent runs: the machine that tests run on has two processors. */
const LANES = 2;
/** Concurrent steps start and end processes, which the sanitizers of other steps would report. */
const UNSANITIZED = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };

Deno.test({
  name: "simulate detects that a fix is undone",
  ...UNSANITIZED,
  fn: async (test) => {
    const waiting: Revert[] = [...REVERTS];
    const work = async () => {
      for (let revert = waiting.shift(); revert; revert = waiting.shift()) {
        const { name } = revert;
        const one = revert;
        await test.step({ name, ...UNSANITIZED, fn: async () => void await undo(one) });
      }
    };
    await Promise.all(Array.from({ length: LANES }, work));
  },
});
