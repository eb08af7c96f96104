import { type Revert, REVERTS } from "./reverts/mod.ts";
import { undo } from "./undo.ts";

/** Runs at a time: the machine that tests run on has two processors. */
const LANES = 2;
/** Steps that run at the same time start and end processes while others are watched. */
const UNWATCHED = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };

Deno.test({
  name: "simulate notices that a fix is undone",
  ...UNWATCHED,
  fn: async (test) => {
    const waiting: Revert[] = [...REVERTS];
    const work = async () => {
      for (let revert = waiting.shift(); revert; revert = waiting.shift()) {
        const { name } = revert;
        const one = revert;
        await test.step({ name, ...UNWATCHED, fn: async () => void await undo(one) });
      }
    };
    await Promise.all(Array.from({ length: LANES }, work));
  },
});
