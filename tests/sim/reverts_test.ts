import { REVERTS } from "./reverts/mod.ts";
import { undo } from "./undo.ts";

for (const revert of REVERTS) {
  Deno.test(`simulate notices that ${revert.name}`, async () => {
    await undo(revert);
  });
}
