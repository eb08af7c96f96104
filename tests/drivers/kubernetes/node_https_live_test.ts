import assert from "node:assert/strict";
import { RefusedError, UnavailableError } from "../../../src/storage/driver.ts";
import { makeKube } from "../../support/kube.ts";
import { freePort } from "../../support/process.ts";
import { allocationOf, assertRequests, keyOf, NEVER, openAs, reservationsOf, reserved } from "./live.ts";

const KEY = keyOf("10.10.0.0/24");
const INSECURE = { "insecure-skip-tls-verify": true, "certificate-authority": "" };

Deno.test("nodeTransport reads, commits and reserves at a server without verification", async () => {
  await using kube = await makeKube();
  await using driver = await openAs(kube, { token: kube.token }, INSECURE);
  const after = allocationOf(KEY, 1n, { podRef: "default/é" });
  const made = await driver.commit(await driver.read(KEY, NEVER), [{ address: after.address, after }], NEVER);
  await driver.commit(made, [{ address: after.address, before: after }], NEVER);
  const claim = await reservationsOf(driver).reserve(reserved("10.10.0.1"), NEVER);
  assert(claim.kind === "created");
  assert.equal(await reservationsOf(driver).release(claim.reservation, NEVER), true);
  const reservations = "overlappingrangeipreservations";
  await assertRequests(kube, [], [
    "get ippools",
    "create ippools",
    "patch ippools",
    `create ${reservations}`,
    `delete ${reservations}`,
  ]);
});

Deno.test("nodeTransport connects to one name and expects the certificate of another", async () => {
  await using kube = await makeKube();
  await using driver = await openAs(kube, { token: kube.token }, { "tls-server-name": "kubernetes" });
  await driver.status(NEVER);
  await assertRequests(kube, [], ["list ippools", "create ippools"]);
  const strangers = [{ "tls-server-name": "elsewhere.example" }, {
    "tls-server-name": "kubernetes",
    "certificate-authority": "/etc/ssl/certs/ca-certificates.crt",
  }];
  for (const cluster of strangers) {
    await using wrong = await openAs(kube, { token: kube.token }, cluster);
    await assert.rejects(wrong.status(NEVER), (error) => {
      assert(error instanceof RefusedError, String(error));
      assert.match(error.message, /^Cannot trust the API server/);
      return true;
    });
  }
});

Deno.test("nodeTransport presents the client certificate", async () => {
  await using kube = await makeKube();
  const user = { "client-certificate": `${kube.folder}/admin.crt`, "client-key": `${kube.folder}/admin.key` };
  await using driver = await openAs(kube, user, INSECURE);
  await driver.status(NEVER);
});

Deno.test("nodeTransport ends with the signal, and names an unreachable server", async () => {
  await using kube = await makeKube();
  await using driver = await openAs(kube, { token: kube.token }, {
    ...INSECURE,
    server: `https://127.0.0.1:${freePort()}`,
  });
  await assert.rejects(driver.status(NEVER), (error) => {
    assert(error instanceof UnavailableError);
    assert.match(error.message, /ECONNREFUSED/);
    return true;
  });
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using waiting = await openAs(kube, { token: kube.token }, {
    ...INSECURE,
    server: `https://127.0.0.1:${silent.addr.port}`,
  });
  const aborted = new AbortController();
  const status = waiting.status(aborted.signal);
  using _connection = await silent.accept();
  aborted.abort(new Error("Enough waited"));
  await assert.rejects(status, /^Error: Enough waited$/);
});
