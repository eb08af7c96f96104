import { REVERTS } from "./reverts.ts";
import { undo } from "./undo.ts";

for (const revert of REVERTS) {
  Deno.test(`simulate notices that ${revert.name}`, async () => {
    await undo(revert);
  });
}
