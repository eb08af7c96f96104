import assert from "node:assert/strict";
import { parseJson } from "../../src/world/json.ts";

Deno.test("parseJson decodes what is JSON", () => {
  assert.deepEqual(parseJson('{"a": [1, null, "é"]}'), { a: [1, null, "é"] });
});

Deno.test("parseJson tells where a text stops being JSON, and quotes none of it", () => {
  const secret = "hunter2secret";
  const table: [string, RegExp][] = [
    ["", /^Not JSON \(empty\)$/],
    [" \n", /empty/],
    ["{", /character 2 of 1|too early/],
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
