import assert from "node:assert/strict";
import {
  describe,
  type Document,
  isEmpty,
  lookup,
  mergeDocuments,
  quote,
  readDocument,
} from "../../src/config/document.ts";
import { type Fields, IPAM_FIELDS } from "../../src/config/schema.ts";
import { ConfigError } from "../../src/config/types.ts";
import { isObject } from "../../src/values/json.ts";

const FIELDS: Fields = {
  name: "string",
  on: "boolean",
  count: "integer",
  words: "strings",
  items: "objects",
  inner: { path: "string" },
};

function read(value: unknown, fields: Fields = FIELDS): { document: unknown; warnings: string[] } {
  const warnings: string[] = [];
  return { document: readDocument(value, fields, "here", (warning) => warnings.push(warning)), warnings };
}

Deno.test("readDocument keeps values of the table's types unchanged", () => {
  const value = { name: "a", on: false, count: -3, words: ["x", ""], items: [{ y: 1 }], inner: { path: "/p" } };
  assert.deepEqual(read(value), { document: value, warnings: [] });
});

Deno.test("readDocument treats null as absent, at every depth", () => {
  assert.deepEqual(read({ name: null, on: null, words: null, inner: { path: null } }).document, { inner: {} });
});

Deno.test("readDocument matches keys exactly, else ignoring case", () => {
  assert.deepEqual(read({ NAME: "a", Inner: { PATH: "/p" } }).document, { name: "a", inner: { path: "/p" } });
  const both = read(JSON.parse('{"name": "exact", "Name": "variant"}'));
  assert.deepEqual(both.document, { name: "exact" });
  assert.deepEqual(both.warnings, ["Unknown field here.Name is ignored; the nearest known one is name"]);
});

/** A value of a wrong type, the path that the error names, the value found and the type expected. */
const WRONG: readonly (readonly [value: unknown, path: string, found: string, expected: string])[] = [
  [{ name: 5 }, "here.name", "number 5", "a string"],
  [{ name: true }, "here.name", "boolean true", "a string"],
  [{ name: ["a"] }, "here.name", "a list of 1", "a string"],
  [{ NAME: {} }, "here.name", "an object", "a string"],
  [{ on: "true" }, "here.on", 'string "true"', "true or false"],
  [{ on: 1 }, "here.on", "number 1", "true or false"],
  [{ count: 1.5 }, "here.count", "number 1.5", "an integer"],
  [{ count: "1" }, "here.count", 'string "1"', "an integer"],
  [JSON.parse('{"count": 1e400}'), "here.count", "number Infinity", "an integer"],
  [JSON.parse('{"count": 9007199254740993}'), "here.count", "number 9007199254740992", "an integer"],
  [{ words: "a" }, "here.words", "a string", "a list"],
  [{ words: ["a", 5] }, "here.words[1]", "number 5", "a string"],
  [{ words: ["a", null] }, "here.words[1]", "null", "a string"],
  [{ words: Array(10_001).fill("a") }, "here.words", "a list of 10001", "at most 10000 elements"],
  [{ items: {} }, "here.items", "an object", "a list"],
  [{ items: [[]] }, "here.items[0]", "a list of 0", "an object"],
  [{ items: Array(1_001).fill({}) }, "here.items", "a list of 1001", "at most 1000 elements"],
  [{ inner: "a" }, "here.inner", "a string", "an object"],
  [{ inner: { path: 5 } }, "here.inner.path", "number 5", "a string"],
  [[], "here", "a list of 0", "an object"],
  ["text", "here", "a string", "an object"],
  [null, "here", "null", "an object"],
  [undefined, "here", "nothing", "an object"],
];

Deno.test("readDocument refuses a value of the wrong type and names path, value and expected type", () => {
  for (const [value, path, found, expected] of WRONG) {
    assert.throws(() => read(value), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.field, path);
      for (const part of [path, `found ${found}`, `expected ${expected}`]) {
        assert.ok(error.message.includes(part), `"${error.message}" lacks "${part}"`);
      }
      return true;
    });
  }
});

Deno.test("readDocument warns about unknown keys and names the nearest known one", () => {
  const near = (key: string) => read({ [key]: 1 }, IPAM_FIELDS).warnings[0];
  const known = (key: string) => `Unknown field here.${key}`;
  assert.equal(near("rnage"), `${known("rnage")} is ignored; the nearest known one is range`);
  assert.equal(near("ipRange"), `${known("ipRange")} is ignored; the nearest known one is ipRanges`);
  assert.equal(near("excludes"), `${known("excludes")} is ignored; the nearest known one is exclude`);
  assert.equal(near("rangeStart"), `${known("rangeStart")} is ignored; the nearest known one is range_start`);
  assert.equal(
    near("enable_overlaping_ranges"),
    `${known("enable_overlaping_ranges")} is ignored; the nearest known one is enable_overlapping_ranges`,
  );
  assert.equal(near("optimistic_ipam"), `${known("optimistic_ipam")} is ignored`);
  assert.equal(near("service_cidrs"), `${known("service_cidrs")} is ignored`);
  assert.equal(near("x".repeat(100)), `${known("x".repeat(100))} is ignored`);
  assert.ok((near("x".repeat(1_000_000)) ?? "").length < 200);
});

Deno.test("readDocument warns about ten unknown keys one by one, and counts the others", () => {
  const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`key${i}`, i]));
  const { document, warnings } = read(many);
  assert.deepEqual(document, {});
  assert.equal(warnings.length, 11);
  assert.equal(warnings[10], "49990 more unknown fields of here are ignored");
});

Deno.test("readDocument treats the keys of built-in objects as unknown", () => {
  const hostile = JSON.parse('{"__proto__": {"name": "x"}, "constructor": {"name": "x"}, "toString": 1}');
  const { document, warnings } = read(hostile);
  assert.deepEqual(document, {});
  assert.equal(Object.getPrototypeOf(document), Object.prototype);
  assert.equal(warnings.length, 3);
});

Deno.test("lookup finds an own member exactly, else ignoring case", () => {
  assert.equal(lookup({ Ipam: 1, ipam: 2 }, "ipam"), 2);
  assert.equal(lookup({ IPAM: 1 }, "ipam"), 1);
  assert.equal(lookup({}, "toString"), undefined);
});

Deno.test("describe and quote return a short text, however large the value is", () => {
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  assert.equal(describe(deep), "a list of 1");
  assert.equal(describe({ deep }), "an object");
  assert.equal(describe("a".repeat(1_000_000)), `string "${"a".repeat(80)}…"`);
  assert.equal(describe(undefined), "nothing");
  assert.equal(quote('a"b\n'), '"a\\"b\\n"');
});

/** Two documents and their merge. */
const CASES: readonly (readonly [upper: Document, lower: Document, merged: Document])[] = [
  [{}, { range: "a" }, { range: "a" }],
  [{ range: "a" }, { range: "b" }, { range: "a" }],
  [{ range: "a" }, { range_start: "b", exclude: ["c"] }, { range: "a", range_start: "b", exclude: ["c"] }],
  [{ range: "" }, { range: "b" }, { range: "b" }],
  [{ range: "a" }, { range: "" }, { range: "a" }],
  [{ exclude: [] }, { exclude: ["b"] }, { exclude: ["b"] }],
  [{ exclude: ["a"] }, { exclude: ["b", "c"] }, { exclude: ["a"] }],
  [{ exclude_gateway: false }, { exclude_gateway: true }, { exclude_gateway: false }],
  [{ exclude_gateway: true }, { exclude_gateway: false }, { exclude_gateway: true }],
  [{ sleep_for_race: 0 }, { sleep_for_race: 5 }, { sleep_for_race: 0 }],
  [{ dns: { domain: "a" } }, { dns: { domain: "b", search: ["c"] } }, { dns: { domain: "a", search: ["c"] } }],
  [{ dns: {} }, { dns: { domain: "b" } }, { dns: { domain: "b" } }],
  [{ kubernetes: { kubeconfig: "" } }, { kubernetes: { kubeconfig: "/k" } }, { kubernetes: { kubeconfig: "/k" } }],
];

Deno.test("mergeDocuments fills empty fields from the lower document; it merges objects by member, and does not merge lists", () => {
  for (const [upper, lower, merged] of CASES) {
    const before = structuredClone([upper, lower]);
    assert.deepEqual(mergeDocuments(upper, lower), merged);
    assert.deepEqual([upper, lower], before, "the documents themselves are unchanged");
  }
});

Deno.test("mergeDocuments of three layers is associative", () => {
  const layers: Document[] = [
    { range: "a", dns: { domain: "a" } },
    { range: "b", gateway: "b", dns: { search: ["b"] } },
    { range: "c", gateway: "c", log_file: "c", dns: { domain: "c", search: ["c"], options: ["c"] } },
  ];
  const [a = {}, b = {}, c = {}] = layers;
  const expected = { range: "a", gateway: "b", log_file: "c", dns: { domain: "a", search: ["b"], options: ["c"] } };
  assert.deepEqual(mergeDocuments(mergeDocuments(a, b), c), expected);
  assert.deepEqual(mergeDocuments(a, mergeDocuments(b, c)), expected);
});

Deno.test("isEmpty is true for an absent value and an empty string or list, and false for an explicit false or 0", () => {
  for (const value of [undefined, "", []]) assert.equal(isEmpty(value), true);
  for (const value of [false, 0, "0", [""], {}]) assert.equal(isEmpty(value), false);
  assert.equal(isObject([]), false);
});
