import assert from "node:assert/strict";
import { parseYaml } from "../../../drivers/kubernetes/yaml.ts";

Deno.test("parseYaml parses a document, and names the place of a fault without quoting the text", () => {
  assert.deepEqual(parseYaml("a: [1, {b: c}]\nd: |\n  text\n"), { a: [1, { b: "c" }], d: "text\n" });
  const faults: [string, RegExp][] = [
    ['a: b\nsecretOptions: {password: "hunter2"\n', /^Not YAML \(\w+ at line 3, column 1\)$/],
    ["hunter2: a: b", /^Not YAML \(\w+ at line 1, column \d+\)$/],
    ["a: *hunter2", /^Not YAML/],
    ["a: !hunter2 {", /^Not YAML/],
    ["[".repeat(15_000), /nested too deeply/],
  ];
  for (const [text, expected] of faults) {
    assert.throws(() => parseYaml(text), (error) => {
      assert(error instanceof SyntaxError, String(error));
      assert.match(error.message, expected);
      assert.doesNotMatch(error.message, /hunter/);
      return true;
    });
  }
});

Deno.test("parseYaml refuses a document that would take minutes, and accepts certificates of any size", () => {
  const size = 1024 * 1024;
  const members = Array.from({ length: size / 12 }, (_, i) => `k${i}: v`).join("\n");
  for (const text of ["- a\n".repeat(size / 4), "[".repeat(size), members, `a: &a [x]\n${"- *a\n".repeat(size / 5)}`]) {
    const start = performance.now();
    assert.throws(() => parseYaml(text), /^SyntaxError: Not YAML \(too many members\)$/);
    assert(performance.now() - start < 1_000);
  }
  assert.deepEqual(parseYaml(`ca: ${"QUJD".repeat(size / 5)}\n`), { ca: "QUJD".repeat(size / 5) });
});
