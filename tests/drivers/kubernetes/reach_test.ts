import assert from "node:assert/strict";
import { reasonOf, toReachError } from "../../../drivers/kubernetes/reach.ts";
import { RefusedError, UnavailableError } from "../../../src/storage/driver.ts";

const ACCESS = {
  server: "https://10.96.0.1:443",
  namespace: "kube-system",
  insecure: false,
  source: "/etc/kubeconfig",
};

function failure(reason: string): Error {
  return toReachError(
    new Error(`error sending request for url (https://10.96.0.1/): client error (Connect): ${reason}`),
    ACCESS,
    "to get x",
  );
}

Deno.test("toReachError distinguishes an unreachable server from an untrusted one, and names a remedy", () => {
  const away = failure("tcp connect error: Connection refused (os error 111)");
  assert(away instanceof UnavailableError);
  assert.equal(
    away.message,
    "Cannot reach the API server https://10.96.0.1:443 to get x: tcp connect error: Connection refused (os error 111)",
  );
  const table: [string, RegExp][] = [
    [
      "invalid peer certificate: UnknownIssuer",
      /UnknownIssuer; certificate-authority must hold the certificate of the authority/,
    ],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", /; certificate-authority must hold/],
    ["unable to verify the first certificate", /; certificate-authority must hold/],
    [
      "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
      /; the server presents the certificate of an authority as its own/,
    ],
    ["invalid peer certificate: Expired", /; renew the server's certificate/],
    ["invalid peer certificate: NotValidForName", /; use a server that its certificate names/],
    ["Hostname/IP does not match certificate's altnames: x", /; use a server that its certificate names/],
  ];
  for (const [reason, expected] of table) {
    const error = failure(reason);
    assert(error instanceof RefusedError, reason);
    assert.match(error.message, /^Cannot trust the API server https:\/\/10\.96\.0\.1:443 of \/etc\/kubeconfig: /);
    assert.match(error.message, expected);
  }
  const unwelcome = failure("received fatal alert: CertificateExpired");
  assert(unwelcome instanceof RefusedError);
  assert.match(
    unwelcome.message,
    /^The API server .* refuses the TLS connection of \/etc\/kubeconfig: .*; check its client-certificate$/,
  );
});

Deno.test("toReachError names the proxy in use, without its login, and returns refusals unchanged", () => {
  const proxy = { url: "http://user:secret@proxy:3128", from: "HTTPS_PROXY" };
  const { message } = toReachError(new Error("Connection refused"), { ...ACCESS, proxy }, "to get x");
  assert.equal(
    message,
    "Cannot reach the API server https://10.96.0.1:443 through the proxy http://proxy:3128 of HTTPS_PROXY to get x: Connection refused",
  );
  const refusal = new RefusedError("Cannot");
  assert.equal(toReachError(refusal, ACCESS, ""), refusal);
});

Deno.test("reasonOf returns the innermost reason, and limits its length", () => {
  assert.equal(reasonOf(new Error("top", { cause: new Error("bottom") })), "bottom");
  assert.equal(reasonOf("text"), "text");
  assert.equal(reasonOf(new Error("error sending request ".repeat(100_000))).length, 300);
});
