import assert from "node:assert/strict";
import { filePage, SERVED_PAGE } from "../../src/ui/document.ts";
import { modelOf } from "../../src/ui/model.ts";
import { allocation, keyOf, pool, reading } from "./lab.ts";

const ASSETS = { script: 'const end = "</script>"; go();', style: "body { margin: 0 }" };

Deno.test("a file contains its script, style and data, and its policy has the hashes of the former two", async () => {
  const html = await filePage(ASSETS, modelOf(reading([pool(keyOf("10.0.0.0/24"), [allocation("10.0.0.1", "a/b")])])));
  assert.doesNotMatch(html, /(?:src|href)="(?!data:)/);
  for (const tag of ['script type="module"', "style"]) {
    const [, text = ""] = new RegExp(`<${tag}>([^]*?)</(?:script|style)>`).exec(html) ?? [];
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toBase64();
    assert(html.includes(`'sha256-${hash}'`), tag);
  }
});

Deno.test("names with markup stay data", async () => {
  const html = await filePage(
    ASSETS,
    modelOf(reading([pool(keyOf("10.0.0.0/24"), [allocation("10.0.0.1", "</script><img>")])])),
  );
  assert.doesNotMatch(html, /<img>/);
  const [, text = ""] = /id="details">([^]*?)<\/script>/.exec(html) ?? [];
  assert.equal(JSON.parse(text)["10.0.0.0/24"].entries[0][2], "</script><img>");
});

Deno.test("the served page has neither data nor code in itself", () => {
  assert.doesNotMatch(SERVED_PAGE, /<style|<script(?! type="module" src="page\.js"><\/script>)/);
});
