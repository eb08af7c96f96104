import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { formatIp, parseIp } from "../../src/address/ip.ts";
import { CniError } from "../../src/cni/error.ts";
import { type Answer, parsePrevResult, renderResult } from "../../src/cni/result.ts";
import { SUPPORTED_VERSIONS } from "../../src/cni/version.ts";
import type { StaticAddress } from "../../src/config/types.ts";
import { assertGolden } from "../support/golden.ts";

function address(text: string, gateway?: string): StaticAddress {
  const parsed = parseCidr(text);
  const via = gateway === undefined ? undefined : parseIp(gateway);
  assert(parsed, text);
  return { ip: parsed.ip, prefix: parsed.cidr.prefix, ...(via && { gateway: via }) };
}

const ANSWERS: Readonly<Record<string, Answer>> = {
  "one address": { ips: [address("10.0.0.5/24")], routes: [], dns: {} },
  "dual stack with everything": {
    ips: [address("10.0.0.5/24", "10.0.0.1"), address("fd00::5/64", "fd00::1"), address("192.168.7.7/32")],
    routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.1", mtu: 1400, priority: 5 }, { dst: "::/0" }],
    dns: { nameservers: ["10.0.0.53"], domain: "lab", search: ["lab"], options: ["ndots:2"] },
  },
};

for (const version of SUPPORTED_VERSIONS) {
  for (const [name, answer] of Object.entries(ANSWERS)) {
    Deno.test(`renderResult answers ${name} in version ${version}`, () => {
      const text = renderResult(answer, version);
      assertGolden(version, `result, ${name}`, { request: answer, answer: JSON.parse(text) });
      assert.equal(text, JSON.stringify(JSON.parse(text), undefined, 4));
    });
  }
}

Deno.test("renderResult has no place for no address before 0.3.0", () => {
  const none = { ips: [], routes: [], dns: {} };
  for (const version of ["0.1.0", "0.2.0"] as const) {
    assert.throws(() => renderResult(none, version), (error) => error instanceof CniError && error.code === 7);
  }
  assert.deepEqual(JSON.parse(renderResult(none, "1.0.0")), { cniVersion: "1.0.0", ips: [] });
});

Deno.test("parsePrevResult reads back what renderResult wrote, in every version", () => {
  for (const version of SUPPORTED_VERSIONS) {
    for (const [name, answer] of Object.entries(ANSWERS)) {
      const read = parsePrevResult({ prevResult: JSON.parse(renderResult(answer, version)) }).map(formatIp);
      const all = answer.ips.map(({ ip }) => formatIp(ip));
      const wanted = version === "0.1.0" || version === "0.2.0" ? all.slice(0, 2) : all;
      assert.deepEqual(read, wanted, `${name} in ${version}`);
    }
  }
});

Deno.test("parsePrevResult refuses what is no result", () => {
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
