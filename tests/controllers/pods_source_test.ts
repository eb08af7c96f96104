import assert from "node:assert/strict";
import { podsOfFile } from "../../src/controllers/pods_source.ts";
import { memoryWorld } from "../support/world.ts";

const { signal } = new AbortController();

function refs(text: string) {
  return podsOfFile(memoryWorld({ files: { "/pods": text } }), "/pods").list(signal)
    .then((pods) => pods.map(({ podRef }) => podRef));
}

Deno.test("podsOfFile reads a pod a line, and nothing of comments and empty lines", async () => {
  assert.deepEqual(await refs("# of node1\n default/web-0 \r\n\nkube-system/dns\n"), [
    "default/web-0",
    "kube-system/dns",
  ]);
  assert.deepEqual(await refs("none\n"), []);
});

for (const text of ["", "\n\n", "# nothing but words\n"]) {
  Deno.test(`podsOfFile takes ${JSON.stringify(text)} for no list at all`, async () => {
    await assert.rejects(refs(text), /\/pods names no pod.*"none"/);
  });
}

Deno.test("podsOfFile names the line that is no pod", async () => {
  await assert.rejects(refs("default/web-0\nweb-1\n"), /\/pods:2 "web-1": wanted namespace\/name/);
  await assert.rejects(podsOfFile(memoryWorld(), "/pods").list(signal), /pods of \/pods: there is no such file/);
});

Deno.test("podsOfFile looks anew each time", async () => {
  const world = memoryWorld({ files: { "/pods": "default/web-0\n" } });
  const source = podsOfFile(world, "/pods");
  assert.equal((await source.find("default/web-0", signal))?.podRef, "default/web-0");
  world.files.set("/pods", "default/web-1\n");
  assert.equal(await source.find("default/web-0", signal), undefined);
});
