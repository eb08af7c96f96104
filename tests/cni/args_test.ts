import assert from "node:assert/strict";
import fc from "fast-check";
import { parseArgs, podRefOf } from "../../src/cni/args.ts";
import { CniError } from "../../src/cni/error.ts";

Deno.test("parseArgs accepts the keys of common runtimes, including the pod's UID, without IgnoreUnknown", () => {
  const args = parseArgs(
    "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=9f1c;K8S_POD_UID=1-2-3;IP=10.0.0.5/24;GATEWAY=10.0.0.1",
  );
  assert.deepEqual(args, {
    podNamespace: "default",
    podName: "web-0",
    podUid: "1-2-3",
    ip: "10.0.0.5/24",
    gateway: "10.0.0.1",
  });
  assert.equal(podRefOf(args), "default/web-0");
  assert.deepEqual(parseArgs(""), {});
  assert.deepEqual(parseArgs("IP=;K8S_POD_NAME=web-0"), { podName: "web-0" });
});

Deno.test("parseArgs accepts unknown keys only with IgnoreUnknown, at any position", () => {
  assert.deepEqual(parseArgs("FOO=1;IgnoreUnknown=TRUE;K8S_POD_NAME=a"), { podName: "a" });
  for (const text of ["FOO=1", "IgnoreUnknown=0;FOO=1", "k8s_pod_name=a"]) {
    assert.throws(
      () => parseArgs(text),
      (error) => error instanceof CniError && error.code === 4 && /IgnoreUnknown=1/.test(error.message),
    );
  }
});

const REFUSED = [
  ["K8S_POD_NAME", /"K8S_POD_NAME".*KEY=VALUE/],
  ["a=b=c", /"a=b=c"/],
  ["K8S_POD_NAME=a;", /found ""/],
  ["IgnoreUnknown=maybe", /"maybe".*expected 1, true, 0 or false/],
  ["K8S_POD_NAME=a/b", /K8S_POD_NAME is "a\/b"/],
  ["K8S_POD_NAMESPACE=../..", /K8S_POD_NAMESPACE is/],
  ["K8S_POD_NAME=a\nb", /K8S_POD_NAME is "a\\nb"/],
  [`K8S_POD_NAME=${"a".repeat(254)}`, /at most 253/],
  ["__proto__=1", /unknown "__proto__"/],
] as const;

for (const [text, message] of REFUSED) {
  Deno.test(`parseArgs refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.throws(
      () => parseArgs(text),
      (error) => error instanceof CniError && error.code === 4 && message.test(error.message),
    );
  });
}

Deno.test("parseArgs returns arguments or fails with code 4, for any text", () => {
  const piece = fc.constantFrom(
    "IgnoreUnknown=1",
    "K8S_POD_NAME=a",
    ";",
    "=",
    "IP=1.2.3.4",
    "\0",
    "é",
    "constructor=x",
  );
  fc.assert(fc.property(fc.oneof(fc.string(), fc.array(piece).map((parts) => parts.join(";"))), (text) => {
    try {
      parseArgs(text);
    } catch (error) {
      assert(error instanceof CniError && error.code === 4, String(error));
    }
  }));
});
