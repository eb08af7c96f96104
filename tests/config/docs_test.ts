import assert from "node:assert/strict";
import { configurationTable, FIELD_DOCS } from "../../src/config/docs.ts";
import { IPAM_FIELDS } from "../../src/config/schema.ts";

const README = new URL("../../README.md", import.meta.url);
const BETWEEN = /(<!-- configuration table[^>]*-->\n)[^]*?(<!-- end of configuration table -->)/;

Deno.test("FIELD_DOCS documents exactly the known fields", () => {
  assert.deepEqual(Object.keys(FIELD_DOCS).sort(), Object.keys(IPAM_FIELDS).sort());
});

Deno.test("configurationTable equals the table in the README (UPDATE_GOLDEN=1 writes it)", async () => {
  const readme = await Deno.readTextFile(README);
  assert.match(readme, BETWEEN);
  const written = readme.replace(BETWEEN, (_, before, after) => `${before}\n${configurationTable()}\n\n${after}`);
  if (Deno.env.get("UPDATE_GOLDEN")) await Deno.writeTextFile(README, written);
  else assert.equal(readme, written);
});

Deno.test("configurationTable aligns its columns and has one row with a sentence per field", () => {
  const lines = configurationTable().split("\n");
  assert.equal(lines.length, Object.keys(IPAM_FIELDS).length + 2);
  assert.equal(new Set(lines.map((line) => line.length)).size, 1);
  for (const line of lines.slice(2)) assert.match(line, /^\| `\w+` +\| [a-z]+ +\| [^|]+ \| [A-Za-z`][^|]+\. +\|$/);
});
