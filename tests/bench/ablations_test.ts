import assert from "node:assert/strict";
import { textOf } from "../documents.ts";
import { editedCopy } from "../support/edited.ts";
import { ABLATIONS, chosenAblations, SOURCES } from "./ablations.ts";

Deno.test("the sources contain the machinery that the bench removes", async () => {
  for (const { edits } of ABLATIONS) {
    await Deno.remove(await editedCopy(SOURCES, edits), { recursive: true });
  }
});

Deno.test("the bench builds from what the image builds from", () => {
  const [, build = ""] = textOf("Dockerfile").split(/^FROM /m);
  const copied = [...build.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, names = ""]) => names.split(" "));
  assert.deepEqual(copied.toSorted(), SOURCES.toSorted());
});

Deno.test("chosenAblations finds machinery by name, and names the known ones otherwise", () => {
  assert.deepEqual(chosenAblations(["pool memory"]).map(({ name }) => name), ["pool memory"]);
  assert.equal(chosenAblations([]), ABLATIONS);
  assert.equal(chosenAblations(["all"]), ABLATIONS);
  assert.throws(() => chosenAblations(["memory"]), /no machinery has this name; expected "TLS warm-up", /);
});
