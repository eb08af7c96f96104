import assert from "node:assert/strict";
import type { Document } from "../../src/config/document.ts";
import { isObject } from "../../src/values/json.ts";
import { isEmpty, mergeDocuments } from "../../src/config/merge.ts";

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
