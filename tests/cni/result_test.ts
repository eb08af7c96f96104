import assert from "node:assert/strict";
import { CniError } from "../../src/cni/error.ts";
import { parsePrevResult, renderResult } from "../../src/cni/result.ts";
import { SUPPORTED_VERSIONS } from "../../src/config/version.ts";
import { assertGolden } from "../support/golden.ts";
import { ANSWERS } from "./answers.ts";
import { formatIp } from "../../src/address/ip.ts";

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

Deno.test("parsePrevResult reads the results of renderResult, in every version", () => {
  for (const version of SUPPORTED_VERSIONS) {
    for (const [name, answer] of Object.entries(ANSWERS)) {
      const read = parsePrevResult({ prevResult: JSON.parse(renderResult(answer, version)) }).map(formatIp);
      const all = answer.ips.map(({ ip }) => formatIp(ip));
      const expected = version === "0.1.0" || version === "0.2.0" ? all.slice(0, 2) : all;
      assert.deepEqual(read, expected, `${name} in ${version}`);
    }
  }
});

Deno.test("parsePrevResult refuses a missing or invalid result", () => {
  for (
    const conf of [{}, { prevResult: null }, { prevResult: "x" }, { prevResult: { ips: [{ address: "10.0.0.5" }] } }, {
      prevResult: { ips: [null] },
    }]
  ) {
    assert.throws(
      () => parsePrevResult(conf),
      (error) => error instanceof CniError && error.code === 7 && /prevResult/.test(error.message),
    );
  }
});
