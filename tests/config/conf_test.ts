import assert from "node:assert/strict";
import { nameFault, versionFault } from "../../src/config/conf.ts";
import { SUPPORTED_VERSIONS } from "../../src/config/version.ts";

Deno.test("nameFault refuses an invalid network name and quotes it", () => {
  for (const name of ["net", "a.b-c_d", "9", "n".repeat(253)]) assert.equal(nameFault(name), undefined, name);
  for (
    const [name, message] of [["", /^Missing name/], [undefined, /^Missing name/], ["a b", /"a b"/], [
      7,
      /number/,
    ]] as const
  ) {
    assert.match(nameFault(name) ?? "", message);
  }
  assert.match(nameFault("n".repeat(254)) ?? "", /at most 253 letters/);
});

Deno.test("versionFault refuses an unsupported version and lists the supported ones", () => {
  for (const version of [...SUPPORTED_VERSIONS, "", undefined, null]) assert.equal(versionFault(version), undefined);
  const { fault, supported } = versionFault("9.9.9") ?? {};
  assert.match(fault ?? "", /cniVersion "9\.9\.9"/);
  assert.match(supported ?? "", /0\.3\.1.*1\.1\.0/);
});
