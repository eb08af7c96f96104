import assert from "node:assert/strict";
import { isObject, parseJson } from "../../src/values/json.ts";

Deno.test("parseJson decodes JSON", () => {
  assert.deepEqual(parseJson('{"a": [1, null, "é"]}'), { a: [1, null, "é"] });
});

Deno.test("parseJson reports the position of the error and quotes nothing of the text", () => {
  const secret = "hunter2secret";
  const table: [string, RegExp][] = [
    ["", /^Not JSON \(empty\)$/],
    [" \n", /empty/],
    ["{", /character 2 of 1|unexpected end/],
    [`{"password": "${secret}" "x": 1}`, /^Not JSON \(error at character \d+ of \d+\)$/],
    [`{"password": ${secret}}`, /Not JSON/],
    [`${secret}`, /Not JSON/],
    [`root:*:${secret}`, /Not JSON/],
    [`{"a": "${secret}\n"}`, /character/],
    [`["${secret}", in JSON at position 5]`, /Not JSON/],
  ];
  for (const [text, expected] of table) {
    assert.throws(() => parseJson(text), (error) => {
      assert(error instanceof SyntaxError);
      assert.match(error.message, expected, text);
      for (let i = 0; i + 4 <= secret.length; i++) {
        assert(!error.message.includes(secret.slice(i, i + 4)), error.message);
      }
      assert.equal(error.cause, undefined);
      return true;
    });
  }
});

Deno.test("isObject is true for objects alone", () => {
  assert.deepEqual([{}, { a: 1 }, [], null, "{}", 1, undefined].map(isObject), [true, true, ...Array(5).fill(false)]);
});
