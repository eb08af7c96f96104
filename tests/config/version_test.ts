import assert from "node:assert/strict";
import { atLeast, supportedVersion, versionAnswer } from "../../src/config/version.ts";

Deno.test("supportedVersion returns 0.1.0 for an absent version and undefined for an unsupported one", () => {
  assert.deepEqual([undefined, null, "", "0.1.0", "1.1.0"].map(supportedVersion), [
    "0.1.0",
    "0.1.0",
    "0.1.0",
    "0.1.0",
    "1.1.0",
  ]);
  assert.deepEqual(["1.2.0", "v1.0.0", "1.0", 1, {}].map(supportedVersion), new Array(5).fill(undefined));
});

Deno.test("atLeast compares versions in the order of their release", () => {
  assert(atLeast("0.4.0", "0.3.1"));
  assert(atLeast("1.0.0", "1.0.0"));
  assert(!atLeast("0.3.1", "0.4.0"));
});

Deno.test("versionAnswer returns one line with every supported version", () => {
  const answer = versionAnswer();
  assert.equal(answer.indexOf("\n"), answer.length - 1);
  assert.deepEqual(JSON.parse(answer), {
    cniVersion: "1.1.0",
    supportedVersions: ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"],
  });
});
