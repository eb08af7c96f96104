import assert from "node:assert/strict";
import { podsOfFile } from "../../src/controllers/pods_source.ts";
import { memoryWorld } from "../support/world.ts";

const { signal } = new AbortController();

function refs(text: string) {
  return podsOfFile(memoryWorld({ files: { "/pods": text } }), "/pods").list(signal)
    .then((pods) => pods.map(({ podRef }) => podRef));
}

Deno.test("podsOfFile reads one pod per line, and ignores comments and empty lines", async () => {
  assert.deepEqual(await refs("# of node1\n default/web-0 \r\n\nkube-system/dns\n"), [
    "default/web-0",
    "kube-system/dns",
  ]);
  assert.deepEqual(await refs("none\n"), []);
});

for (const text of ["", "\n\n", "# only a comment\n"]) {
  Deno.test(`podsOfFile refuses ${JSON.stringify(text)}, which lists no pods`, async () => {
    await assert.rejects(refs(text), /\/pods lists no pods.*"none"/);
  });
}

Deno.test("podsOfFile reports the number and text of an invalid line", async () => {
  await assert.rejects(refs("default/web-0\nweb-1\n"), /\/pods:2 "web-1": expected NAMESPACE\/NAME/);
  await assert.rejects(podsOfFile(memoryWorld(), "/pods").list(signal), /pods from \/pods: file not found/);
});

Deno.test("podsOfFile re-reads the file each time", async () => {
  const world = memoryWorld({ files: { "/pods": "default/web-0\n" } });
  const source = podsOfFile(world, "/pods");
  assert.equal((await source.find("default/web-0", signal))?.podRef, "default/web-0");
  world.files.set("/pods", "default/web-1\n");
  assert.equal(await source.find("default/web-0", signal), undefined);
});
