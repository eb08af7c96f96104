import assert from "node:assert/strict";
import { editedCopy } from "../support/edited.ts";
import { ABLATIONS, chosenAblations, SOURCES } from "./ablations.ts";

Deno.test("the sources contain the machinery that the bench removes", async () => {
  for (const { edits } of ABLATIONS) {
    await Deno.remove(await editedCopy(SOURCES, edits), { recursive: true });
  }
});

Deno.test("chosenAblations finds machinery by name, and names the known ones otherwise", () => {
  assert.deepEqual(chosenAblations(["pool memory"]).map(({ name }) => name), ["pool memory"]);
  assert.equal(chosenAblations([]), ABLATIONS);
  assert.equal(chosenAblations(["all"]), ABLATIONS);
  assert.throws(() => chosenAblations(["memory"]), /no machinery has this name; expected "TLS warm-up", /);
});
