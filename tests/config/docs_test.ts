import assert from "node:assert/strict";
import { configurationTable, FIELD_DOCS } from "../../src/config/docs.ts";
import { IPAM_FIELDS } from "../../src/config/schema.ts";

const README = new URL("../../README.md", import.meta.url);
const BETWEEN = /(<!-- configuration table[^>]*-->\n)[^]*?(<!-- end of configuration table -->)/;

Deno.test("FIELD_DOCS explains every field, and no other", () => {
  assert.deepEqual(Object.keys(FIELD_DOCS).sort(), Object.keys(IPAM_FIELDS).sort());
});

Deno.test("configurationTable is what stands in the README (UPDATE_GOLDEN=1 writes it)", async () => {
  const readme = await Deno.readTextFile(README);
  assert.match(readme, BETWEEN);
  const written = readme.replace(BETWEEN, (_, before, after) => `${before}\n${configurationTable()}\n\n${after}`);
  if (Deno.env.get("UPDATE_GOLDEN")) await Deno.writeTextFile(README, written);
  else assert.equal(readme, written);
});
