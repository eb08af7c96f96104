import assert from "node:assert/strict";
import { CniError } from "../../src/cni/error.ts";
import { renderResult } from "../../src/cni/result.ts";
import { SUPPORTED_VERSIONS } from "../../src/config/version.ts";
import { assertGolden } from "../support/golden.ts";
import { ANSWERS } from "./answers.ts";

for (const version of SUPPORTED_VERSIONS) {
  for (const [name, answer] of Object.entries(ANSWERS)) {
    Deno.test(`renderResult renders ${name} in version ${version}`, () => {
      const text = renderResult(answer, version);
      assertGolden(version, `result, ${name}`, { request: answer, answer: JSON.parse(text) });
      assert.equal(text, JSON.stringify(JSON.parse(text), undefined, 4));
    });
  }
}

Deno.test("renderResult refuses a result without addresses before 0.3.0", () => {
  const empty = { ips: [], routes: [], dns: {} };
  for (const version of ["0.1.0", "0.2.0"] as const) {
    assert.throws(() => renderResult(empty, version), (error) => error instanceof CniError && error.code === 7);
  }
  assert.deepEqual(JSON.parse(renderResult(empty, "1.0.0")), { cniVersion: "1.0.0", ips: [] });
});
