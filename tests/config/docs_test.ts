import assert from "node:assert/strict";
import { configurationTable, FIELD_DOCS } from "../../src/config/docs.ts";
import { IPAM_FIELDS } from "../../src/config/schema.ts";

const DOCUMENT = new URL("../../docs/CONFIGURATION.md", import.meta.url);
const BETWEEN = /(<!-- configuration table[^>]*-->\n)[^]*?(<!-- end of configuration table -->)/;

Deno.test("FIELD_DOCS documents exactly the known fields", () => {
  assert.deepEqual(Object.keys(FIELD_DOCS).sort(), Object.keys(IPAM_FIELDS).sort());
});

Deno.test("configurationTable equals the table in docs/CONFIGURATION.md (UPDATE_GOLDEN=1 writes it)", async () => {
  const text = await Deno.readTextFile(DOCUMENT);
  assert.match(text, BETWEEN);
  const written = text.replace(BETWEEN, (_, before, after) => `${before}\n${configurationTable()}\n\n${after}`);
  if (Deno.env.get("UPDATE_GOLDEN")) await Deno.writeTextFile(DOCUMENT, written);
  else assert.equal(text, written);
});

Deno.test("configurationTable aligns its columns and has one row with a sentence per field", () => {
  const lines = configurationTable().split("\n");
  assert.equal(lines.length, Object.keys(IPAM_FIELDS).length + 2);
  assert.equal(new Set(lines.map((line) => line.length)).size, 1);
  for (const line of lines.slice(2)) assert.match(line, /^\| `\w+` +\| [a-z]+ +\| [^|]+ \| [A-Za-z`][^|]+\. +\|$/);
});
