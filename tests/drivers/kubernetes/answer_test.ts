import assert from "node:assert/strict";
import { decode } from "../../../drivers/kubernetes/answer.ts";
import { ConflictError, RefusedError, UnavailableError } from "../../../src/storage/driver.ts";

const QUESTION = {
  verb: "patch",
  resource: "ippools",
  group: "whereabouts.cni.cncf.io",
  name: "x",
  what: "IPPool kube-system/10.0.0.0-24",
  server: "https://10.96.0.1:443",
  source: "/etc/kubeconfig",
  secrets: ["sent-token"],
} as const;

type Details = Record<string, unknown>;

function ask(
  status: number,
  body: string | Details,
  headers: Record<string, string> = {},
  verb = "patch",
): unknown {
  const text = typeof body === "string" ? body : JSON.stringify({ kind: "Status", status: "Failure", ...body });
  return decode({ status, headers: new Headers(headers), text }, { ...QUESTION, verb });
}

function failure(...request: Parameters<typeof ask>): Error {
  try {
    ask(...request);
  } catch (error) {
    assert(error instanceof Error);
    return error;
  }
  assert.fail("no failure");
}

Deno.test("decode returns the document of a success", () => {
  assert.deepEqual(ask(200, '{"a":1}'), { a: 1 });
  assert.deepEqual(ask(201, '{"a":1}'), { a: 1 });
});

Deno.test("decode hides values that were sent to the server", () => {
  for (const status of [401, 403, 409, 422, 500]) {
    const { message } = failure(status, { message: "Bearer sent-token", details: { causes: [{}] } });
    assert.match(message, /Bearer \[secret\]/);
    assert.doesNotMatch(message, /sent-token/);
  }
});

Deno.test("decode returns undefined only if the object is missing", () => {
  const missing = { reason: "NotFound", message: 'ippools "x" not found', details: { name: "x", kind: "ippools" } };
  assert.equal(ask(404, missing), undefined);
  for (const other of [{ reason: "Gone" }, { kind: "Other" }, { details: { name: "y", kind: "ippools" } }]) {
    assert(failure(404, { ...missing, ...other }) instanceof RefusedError);
  }
  const noNamespace = { message: 'namespaces "net" not found', details: { name: "net", kind: "namespaces" } };
  assert.match(failure(404, noNamespace).message, /namespaces "net" not found; create the namespace/);
  for (
    const noResource of ["404 page not found\n", {
      message: "the server could not find the requested resource",
      details: {},
    }]
  ) {
    const error = failure(404, noResource);
    assert(error instanceof RefusedError);
    assert.match(
      error.message,
      /does not serve ippools\.whereabouts\.cni\.cncf\.io: kubectl apply -f install\/manifests\/crds$/,
    );
  }
});

Deno.test("decode treats a conflict, a failed test and an expired list as conflicts", () => {
  assert(
    failure(409, { reason: "AlreadyExists", message: "already exists" }, {}, "create") instanceof ConflictError,
  );
  assert(failure(410, { reason: "Expired", message: "too old" }, {}, "list") instanceof ConflictError);
  const failedTest = { reason: "Invalid", message: "the server rejected our request", details: {} };
  assert(failure(422, failedTest) instanceof ConflictError);
});

Deno.test("decode refuses invalid objects with the server's message", () => {
  const invalid = {
    reason: "Invalid",
    message: "spec.range: Required value",
    details: { causes: [{ field: "spec.range" }] },
  };
  const error = failure(422, invalid);
  assert(error instanceof RefusedError);
  assert.equal(error.message, "Cannot patch IPPool kube-system/10.0.0.0-24: spec.range: Required value");
  assert(failure(422, { details: {} }, {}, "create") instanceof RefusedError);
  assert(failure(400, { message: "bad" }) instanceof RefusedError);
  assert(failure(302, "") instanceof RefusedError);
});

Deno.test("decode names the missing permission and the rejected credentials", () => {
  const forbidden = failure(403, { message: "is forbidden" });
  assert(forbidden instanceof RefusedError);
  assert.match(
    forbidden.message,
    /is forbidden; the user of \/etc\/kubeconfig needs the verb "patch" on "ippools" of API group/,
  );
  const unknown = failure(401, { message: "Unauthorized" });
  assert(unknown instanceof RefusedError);
  assert.match(
    unknown.message,
    /Unauthorized; https:\/\/10\.96\.0\.1:443 does not accept the credentials of \/etc\/kubeconfig/,
  );
});

Deno.test("decode reports when to retry", () => {
  const retryAfter = (...request: Parameters<typeof ask>) => {
    const error = failure(...request);
    assert(error instanceof UnavailableError, error.message);
    return error.retryAfter;
  };
  assert.equal(retryAfter(429, { message: "Too many requests" }, { "retry-after": "2" }), 2000);
  assert.equal(retryAfter(503, "upstream gone"), undefined);
  assert.equal(retryAfter(504, { details: { retryAfterSeconds: 3 } }), 3000);
  assert.equal(
    retryAfter(500, { message: "etcdserver: leader changed" }, { "retry-after": "Wed, 21 Oct" }),
    undefined,
  );
  assert.equal(retryAfter(408, ""), undefined);
  for (const endless of ["1e9", "1e308", "Infinity"]) {
    assert.equal(retryAfter(429, "", { "retry-after": endless }), 600_000, "a timer accepts at most 2^31 ms");
  }
  assert.equal(retryAfter(503, { details: { retryAfterSeconds: 1e300 } }), 600_000);
});

Deno.test("decode refuses objects that are too large for the store", () => {
  const grpc =
    "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2540442 vs. 2097152)";
  for (const message of ["etcdserver: request is too large", grpc]) {
    const error = failure(500, { message });
    assert(error instanceof RefusedError);
    assert.match(error.message, /use smaller ranges/);
  }
});

Deno.test("decode treats a success with an incomplete document as unavailable", () => {
  for (const text of ["", '{"metadata":{"name":', "null", "<html>"]) {
    assert(failure(200, text) instanceof UnavailableError, text);
  }
});

Deno.test("decode shows the start of a Status message, and no other text of the server", () => {
  const pages = [
    "AccessKeyId=ASIA...",
    "<html>internal</html>",
    '{"message": "internal"}',
    '"internal"',
    '{"kind":"Status","message":{"a":"internal"}}',
  ];
  for (const status of [302, 400, 403, 404, 409, 500, 503]) {
    for (const page of pages) {
      const { message, cause } = failure(status, page);
      assert.doesNotMatch(`${message} ${cause}`, /internal|ASIA/);
      assert(message.includes(`HTTP status ${status}`), message);
    }
  }
  assert(failure(403, { message: "x".repeat(100_000) }).message.length < 1_500);
});
