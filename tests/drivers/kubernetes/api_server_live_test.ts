import assert from "node:assert/strict";
import { ConflictError, RefusedError, UnavailableError } from "../../../src/storage/driver.ts";
import { assets } from "../../support/assets.ts";
import { ApiServer } from "../../../drivers/kubernetes/api_server.ts";
import { applyCrds, ControlPlane, makeKube, NOBODY_TOKEN } from "../../support/kube.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { eventually, freePort } from "../../support/process.ts";
import {
  allocationOf,
  assertRequests,
  ipOf,
  keyOf,
  NEVER,
  openAs,
  openWith,
  reservationsOf,
  reserved,
  writeKubeconfig,
} from "./live.ts";

const KEY = keyOf("10.10.0.0/24");

async function rejection(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(() => undefined, (error) => error);
  assert(error instanceof Error, "it was not refused");
  return error;
}

/** A server that handles one connection after another. */
function listener(treat: (connection: Deno.TcpConn) => Promise<void>): { url: string } & AsyncDisposable {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const running = (async () => {
    for await (const connection of server) {
      await treat(connection);
      connection.close();
    }
  })();
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await running;
    },
  };
}

Deno.test("ApiServer authenticates with a client certificate, by file and by data", async () => {
  await using kube = await makeKube();
  const files = { "client-certificate": `${kube.folder}/admin.crt`, "client-key": `${kube.folder}/admin.key` };
  const data: Record<string, string> = {};
  for (const [name, path] of Object.entries(files)) data[`${name}-data`] = btoa(await Deno.readTextFile(path));
  for (const user of [files, data]) {
    await using driver = await openAs(kube, user);
    await driver.status(NEVER);
  }
});

Deno.test("ApiServer reads a rotated token from its file or from the kubeconfig", async () => {
  await using kube = await makeKube();
  const tokenFile = `${kube.folder}/${kube.namespace}.token`;
  await Deno.writeTextFile(tokenFile, "expired\n");
  const withFile = await writeKubeconfig(kube, { tokenFile });
  const withToken = await writeKubeconfig(kube, { token: "expired" });
  await using first = await openWith(withFile);
  await using second = await openWith(withToken);
  for (const driver of [first, second]) {
    const refused = await rejection(driver.status(NEVER));
    assert(refused instanceof RefusedError);
    assert.match(
      refused.message,
      /Unauthorized; https:.* does not accept the credentials of .*\.kubeconfig: renew them/,
    );
  }
  await Deno.writeTextFile(tokenFile, `${kube.token}\n`);
  await Deno.copyFile(await writeKubeconfig(kube, { token: kube.token }), withToken);
  for (const driver of [first, second]) {
    await Promise.all(Array.from({ length: 20 }, () => driver.status(NEVER)));
  }
});

Deno.test("ApiServer waits for a new token, until the caller aborts", async () => {
  await using kube = await makeKube();
  const path = await writeKubeconfig(kube, { token: "void" });
  await using driver = await openWith(path);
  const calls = Promise.all([driver.status(NEVER), driver.status(NEVER)]);
  await eventually("both calls refused", async () => (await kube.requests()).length >= 2);
  await Deno.copyFile(kube.kubeconfig, path);
  await calls;
  await Deno.copyFile(await writeKubeconfig(kube, { token: "void" }), path);
  await using other = await openWith(path);
  const ended = new AbortController();
  const call = rejection(other.status(ended.signal));
  await eventually("the call refused", async () => (await kube.requests()).length >= 5);
  ended.abort(new Error("Enough"));
  assert.equal((await call).message, "Enough");
});

Deno.test("ApiServer keeps its credentials while the kubeconfig is half written", async () => {
  await using kube = await makeKube();
  const path = await writeKubeconfig(kube, { token: "expired" });
  await using driver = await openWith(path);
  await Deno.writeTextFile(path, '{"apiVersion":');
  assert.match((await rejection(driver.status(NEVER))).message, /Unauthorized/);
  await Deno.copyFile(kube.kubeconfig, path);
  await driver.status(NEVER);
});

Deno.test("ApiServer names the missing permission", async () => {
  await using kube = await makeKube();
  await using driver = await openAs(kube, { token: NOBODY_TOKEN });
  const refused = await rejection(driver.read(KEY, NEVER));
  assert(refused instanceof RefusedError);
  assert.match(
    refused.message,
    /^Cannot get IPPool test-\w+\/10\.10\.0\.0-24: .*User "nobody" cannot get resource "ippools"/,
  );
  assert.match(
    refused.message,
    /needs the verb "get" on "ippools" of API group "whereabouts\.cni\.cncf\.io": see install\/manifests$/,
  );
  assert.match(
    (await rejection(reservationsOf(driver).reserve(reserved("10.10.0.1"), NEVER))).message,
    /verb "create" on "overlapping/,
  );
  assert.match((await rejection(driver.list(NEVER))).message, /the verb "list" on "ippools"/);
});

Deno.test("ApiServer reports missing custom resources, and finds them once they are installed", async () => {
  await using plane = await ControlPlane.start({ crds: false });
  await using driver = await openAs({ ...plane.facts, namespace: "default" }, { token: "test-admin-token" });
  const requests = [
    () => driver.status(NEVER),
    () => driver.read(KEY, NEVER),
    () => reservationsOf(driver).reserve(reserved("10.10.0.1"), NEVER),
  ];
  for (const request of requests) {
    const refused = await rejection(request());
    assert(refused instanceof RefusedError);
    assert.match(
      refused.message,
      /does not serve \w+\.whereabouts\.cni\.cncf\.io: kubectl apply -f install\/manifests\/crds$/,
    );
  }
  await applyCrds(plane.facts, await assets("controlPlane"));
  await driver.status(NEVER);
});

Deno.test("ApiServer names a missing namespace on a write", async () => {
  await using kube = await makeKube();
  await using driver = await openAs({ ...kube, namespace: "nowhere" }, { token: kube.token });
  const empty = await driver.read(KEY, NEVER);
  const after = allocationOf(KEY, 1n);
  const refused = await rejection(driver.commit(empty, [{ address: after.address, after }], NEVER));
  assert(refused instanceof RefusedError);
  assert.match(
    refused.message,
    /^Cannot create IPPool nowhere\/10\.10\.0\.0-24: namespaces "nowhere" not found; create the namespace/,
  );
});

Deno.test("ApiServer trusts only the configured authority", async () => {
  await using kube = await makeKube();
  await using stranger = await openAs(kube, { token: kube.token }, {
    "certificate-authority": "/etc/ssl/certs/ca-certificates.crt",
  });
  const refused = await rejection(stranger.status(NEVER));
  assert(refused instanceof RefusedError);
  assert.match(
    refused.message,
    /^Cannot trust the API server https:.*UnknownIssuer; certificate-authority must hold the certificate of the authority/,
  );
  const garbage = { "client-certificate-data": btoa("no"), "client-key-data": btoa("no") };
  await using broken = await openAs(kube, garbage);
  assert.match(
    (await rejection(broken.status(NEVER))).message,
    /^Cannot use the kubeconfig ".*\.kubeconfig": its client-certificate has no "BEGIN CERTIFICATE" block$/,
  );
});

Deno.test("ApiServer names an unreachable server, and follows a change of the kubeconfig", async () => {
  await using kube = await makeKube();
  const path = await writeKubeconfig(kube, { token: kube.token }, { server: `https://127.0.0.1:${freePort()}` });
  await using driver = await openWith(path);
  const silent = await rejection(driver.read(KEY, NEVER));
  assert(silent instanceof UnavailableError);
  assert.match(silent.message, /^Cannot reach the API server https:\/\/127\.0\.0\.1:\d+ to get IPPool .*refused/);
  assert(silent.cause instanceof Error);
  await Deno.copyFile(kube.kubeconfig, path);
  await driver.status(NEVER);
});

Deno.test("ApiServer treats a truncated answer as unavailable", async () => {
  const cuts = [
    "",
    "HTTP/1.1 200 OK\r\ncontent-le",
    'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"items":[',
    'HTTP/1.0 200 OK\r\n\r\n{"items":[',
  ];
  for (const cut of cuts) {
    await using server = listener(async (connection) => {
      await connection.read(new Uint8Array(65_536));
      await connection.write(new TextEncoder().encode(cut));
    });
    const path = await Deno.makeTempFile();
    await Deno.writeTextFile(
      path,
      JSON.stringify({
        clusters: [{ name: "c", cluster: { server: server.url } }],
        users: [{ name: "u", user: { token: "t" } }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      }),
    );
    await using driver = await openWith(path);
    const error = await rejection(driver.status(NEVER));
    assert(error instanceof UnavailableError, `${JSON.stringify(cut)}: ${error}`);
    await Deno.remove(path);
  }
});

Deno.test("ApiServer ends with the signal while the server is silent, and recovers", async () => {
  await using kube = await makeKube();
  const aborted = new AbortController();
  const silent = Promise.withResolvers<void>();
  await using server = listener(async (connection) => {
    await connection.read(new Uint8Array(65_536));
    aborted.abort(new Error("Enough waited"));
    await silent.promise;
  });
  const path = await writeKubeconfig(kube, { token: kube.token }, { server: server.url });
  await using driver = await openWith(path);
  assert.equal((await rejection(driver.read(KEY, aborted.signal))).message, "Enough waited");
  silent.resolve();
  await Deno.copyFile(kube.kubeconfig, path);
  await driver.status(NEVER);
});

Deno.test("ApiServer serves concurrent callers", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const claims = Array.from(
    { length: 60 },
    (_, i) => reservationsOf(driver).reserve(reserved(`10.10.0.${i + 1}`), NEVER),
  );
  assert((await Promise.all(claims)).every(({ kind }) => kind === "created"));
  const empty = await driver.read(KEY, NEVER);
  const commits = Array.from({ length: 10 }, (_, i) => {
    const after = allocationOf(KEY, BigInt(i + 1));
    return driver.commit(empty, [{ address: after.address, after }], NEVER);
  });
  const results = await Promise.allSettled(commits);
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
  for (const result of results) if (result.status === "rejected") assert(result.reason instanceof ConflictError);
});

Deno.test("ApiServer lists every page", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const reservations = reservationsOf(driver);
  const addresses = Array.from({ length: 501 }, (_, i) => `10.10.${i >> 8}.${i & 255}`);
  for (let at = 0; at < addresses.length; at += 50) {
    await Promise.all(addresses.slice(at, at + 50).map((address) => reservations.reserve(reserved(address), NEVER)));
  }
  const before = await kube.requests();
  const listed = await reservations.list("", NEVER);
  const byValue = (a: bigint, b: bigint) => Number(a - b);
  assert.deepEqual(
    listed.map(({ ip }) => ip.value).sort(byValue),
    addresses.map((text) => ipOf(text).value).sort(byValue),
  );
  const resource = "overlappingrangeipreservations";
  await assertRequests(kube, before, [`list ${resource}`, `list ${resource}`]);
});

Deno.test("ApiServer distinguishes missing objects from forbidden ones, also if they are not ours", async () => {
  await using kube = await makeKube();
  const pod = { verb: "get", resource: "pods", namespace: kube.namespace, name: "none" } as const;
  using api = await ApiServer.open(denoWorld(), { kubeconfig: kube.kubeconfig });
  assert.equal(await api.request(pod, NEVER), undefined);
  const reason = new Error("Over before it began");
  assert.equal(await rejection(api.request(pod, AbortSignal.abort(reason))), reason);
  const kubeconfig = await writeKubeconfig(kube, { token: NOBODY_TOKEN });
  using nobody = await ApiServer.open(denoWorld(), { kubeconfig });
  const refused = await rejection(nobody.request(pod, NEVER));
  assert(refused instanceof RefusedError);
  assert.match(refused.message, /^Cannot get Pod test-\w+\/none: .*needs the verb "get" on "pods" of API group ""/);
});
