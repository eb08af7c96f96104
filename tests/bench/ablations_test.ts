import { editedCopy } from "../support/edited.ts";
import { ABLATIONS, SOURCES } from "./ablations.ts";

Deno.test("the sources contain the machinery that the bench removes", async () => {
  for (const { edits } of ABLATIONS) {
    await Deno.remove(await editedCopy(SOURCES, edits), { recursive: true });
  }
});
