import assert from "node:assert/strict";
import { cniPlugins, Netns } from "./netns.ts";

Deno.test("Netns is a network of its own, gone when disposed", async () => {
  const path = await (async () => {
    await using netns = await Netns.create();
    await netns.must(["ip", "address", "add", "192.0.2.1/24", "dev", "lo"]);
    assert.deepEqual(await netns.addresses("lo"), ["127.0.0.1/8", "192.0.2.1/24", "::1/128"]);
    await using other = await Netns.create();
    assert.deepEqual(await other.addresses("lo"), ["127.0.0.1/8", "::1/128"]);
    assert((await netns.run(["ip", "address", "show", "dev", "nothing"])).code !== 0);
    return netns.path;
  })();
  assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
});

Deno.test("cniPlugins builds plugins that work", async () => {
  await using netns = await Netns.create();
  const env = { CNI_COMMAND: "VERSION" };
  for (const name of ["bridge", "macvlan"]) {
    const answer = await netns.must([`${await cniPlugins(name)}/${name}`], { env, stdin: '{"cniVersion":"1.0.0"}' });
    assert(JSON.parse(answer).supportedVersions.includes("1.0.0"));
  }
});

Deno.test("cniPlugins names the plugin that CNI_BIN_DIR lacks", async () => {
  const folder = await Deno.makeTempDir({ prefix: "plugins-" });
  try {
    await Deno.writeTextFile(`${folder}/bridge`, "");
    Deno.env.set("CNI_BIN_DIR", folder);
    assert.equal(await cniPlugins("bridge"), folder);
    await assert.rejects(cniPlugins("bridge", "macvlan"), new RegExp(`CNI_BIN_DIR ${folder} has no plugin macvlan: `));
  } finally {
    Deno.env.delete("CNI_BIN_DIR");
    await Deno.remove(folder, { recursive: true });
  }
});
