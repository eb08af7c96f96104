import assert from "node:assert/strict";
import { formatYaml } from "../../drivers/kubernetes/yaml.ts";
import { UsageError } from "../../src/cli/define.ts";
import {
  DOCUMENT_FLAGS,
  filtersOf,
  formatOf,
  type Listing,
  parseFill,
  printList,
  sorted,
} from "../../src/cli/output.ts";
import { PLAIN } from "../../src/cli/style.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

interface Item {
  readonly name: string;
  readonly count: number;
}

const ITEMS: readonly Item[] = [{ name: "b", count: 10 }, { name: "a", count: 9 }];
const LISTING: Listing<Item> = {
  columns: [
    { heading: "NAME", value: ({ name }) => name },
    { heading: "KEPT BY", value: ({ count }) => count },
    { heading: "MORE", value: () => "x", wide: true },
  ],
  nameOf: ({ name }) => `item/${name}`,
  toJson: (item) => item,
};

async function printed(flags: { output?: string; json?: boolean; "sort-by"?: string; "no-headers"?: boolean }) {
  const lines: string[] = [];
  const terminal = {
    print: (line: string) => void lines.push(line),
    style: PLAIN,
    writeYaml: (value: unknown) => Promise.resolve(formatYaml(value)),
  };
  const values = { output: undefined, json: false, "sort-by": undefined, "no-headers": false, ...flags };
  await printList(terminal as unknown as Terminal, values, LISTING, ITEMS);
  return lines.join("\n");
}

Deno.test("printList prints the chosen format", async () => {
  assert.equal(await printed({}), "NAME  KEPT BY\nb          10\na           9");
  assert.equal(await printed({ output: "wide" }), "NAME  KEPT BY  MORE\nb          10  x\na           9  x");
  assert.equal(await printed({ output: "name" }), "item/b\nitem/a");
  assert.equal(await printed({ output: "yaml" }), "- name: b\n  count: 10\n- name: a\n  count: 9");
  assert.deepEqual(JSON.parse(await printed({ output: "json" })), ITEMS);
  assert.deepEqual(JSON.parse(await printed({ json: true })), ITEMS);
  assert.equal(await printed({ "no-headers": true }), "b  10\na   9");
});

Deno.test("printList writes a listing once, and nothing for an empty one", async () => {
  const texts: string[] = [];
  const terminal = { print: (text: string) => void texts.push(text), style: PLAIN } as unknown as Terminal;
  const values = { output: "name", json: false, "sort-by": undefined, "no-headers": false };
  await printList(terminal, values, LISTING, ITEMS);
  await printList(terminal, values, LISTING, []);
  assert.deepEqual(texts, ["item/b\nitem/a"]);
});

Deno.test("printList sorts every format by a column, numbers as numbers", async () => {
  assert.equal(await printed({ output: "name", "sort-by": "kept-by" }), "item/a\nitem/b");
  assert.equal(await printed({ output: "name", "sort-by": "name:desc" }), "item/b\nitem/a");
  for (const by of ["NAME", ".name", "{.name}"]) {
    assert.deepEqual(sorted(ITEMS, LISTING.columns, by).map(({ name }) => name), ["a", "b"], by);
  }
  assert.throws(
    () => sorted(ITEMS, LISTING.columns, "size"),
    new UsageError('Unknown --sort-by "size": expected one of name, kept-by, more, or NAME:desc'),
  );
});

Deno.test("formatOf refuses unknown formats, and two of them", () => {
  assert.throws(() => formatOf({ output: "xml", json: false }), /"xml": expected one of wide, json, yaml, name/);
  assert.throws(() => formatOf({ output: "yaml", json: true }), /Cannot use --json with --output yaml/);
  assert.equal(formatOf({ output: "json", json: true }), "json");
  assert.throws(() => formatOf({ output: "name", json: false }, DOCUMENT_FLAGS), /"name": expected one of json, yaml$/);
  assert.equal(formatOf({ output: "yaml", json: false }, DOCUMENT_FLAGS), "yaml");
});

Deno.test("filtersOf accepts owners by namespace and node of their pods", () => {
  const owner = { podRef: "web/a", ifName: "net1", containerId: "c" };
  const accepts = (flags: Record<string, string>, more = {}) =>
    filtersOf(
      { "pod-namespace": undefined, node: undefined, ...flags },
      (podRef) => podRef === "web/a" ? "n1" : undefined,
    )
      .accepts({ ...owner, ...more });
  assert.deepEqual([accepts({ "pod-namespace": "web" }), accepts({ "pod-namespace": "we" })], [true, false]);
  assert.deepEqual([accepts({ node: "n1" }), accepts({ node: "n1" }, { node: "n2" })], [true, false]);
  assert.deepEqual([accepts({ node: "n2" }, { node: "n2" }), accepts({ "pod-namespace": "web", node: "n2" })], [
    true,
    false,
  ]);
});

Deno.test("parseFill reads a percentage", () => {
  assert.deepEqual(["80%", "80 %", "80", "99.5%", "0", "100"].map(parseFill), [80, 80, 80, 99.5, 0, 100]);
  for (const text of ["", "101", "-1", "many", "0x10"]) assert.throws(() => parseFill(text), /Invalid --min-fill/);
});
