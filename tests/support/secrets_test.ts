import assert from "node:assert/strict";
import { Secrets } from "./secrets.ts";

/** Ways in which a secret gets into a text. */
const WAYS: readonly (readonly [string, (secret: string) => string])[] = [
  ["as it is", (secret) => `error: ${secret}!`],
  ["its beginning", (secret) => `error: "${secret.slice(0, 20)}…`],
  ["a login", (secret) => `Basic ${btoa(`user:${secret}`)}`],
  ["base64, one character before", (secret) => btoa(`x${secret}`)],
  ["base64, two characters before", (secret) => btoa(`xx${secret}`)],
  ["a URL", (secret) => `http://user:${encodeURIComponent(secret)}@host`],
  ["JSON in JSON", (secret) => JSON.stringify(JSON.stringify({ secret }))],
];

for (const [name, write] of WAYS) {
  Deno.test(`Secrets finds a secret that was written: ${name}`, async () => {
    const secrets = new Secrets();
    const [one, other] = [secrets.plant("one"), secrets.plant("other")];
    const folder = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${folder}/a`);
      await Deno.writeTextFile(`${folder}/a/clean`, "nothing to see");
      assert.deepEqual(await secrets.searchFolder(folder, ""), []);
      await Deno.writeTextFile(`${folder}/a/log`, `\0\xff${write(one)}`);
      const found = (await secrets.searchFolder(folder, "")).map(({ place, where }) => `${place} in ${where}`);
      assert.deepEqual(found, ["one in /a/log"]);
      assert.deepEqual(secrets.search("x", `${one} ${other}`).map(({ place }) => place), ["one", "other"]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("Secrets finds a secret in the name of a file", async () => {
  const secrets = new Secrets();
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/${secrets.plant("name")}`, "");
    assert.equal((await secrets.searchFolder(folder, "")).length, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
