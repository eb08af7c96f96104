import assert from "node:assert/strict";
import { readAccess } from "../../../drivers/kubernetes/access.ts";
import { codeOf, ending, followLibrary, type GetLibrary, toStoreError } from "../../../drivers/kubernetes/library.ts";
import { RefusedError, UnavailableError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { makeKube, NOBODY_TOKEN } from "../../support/kube.ts";
import { freePort } from "../../support/process.ts";
import { Relay } from "../../support/relay.ts";
import { NEVER, writeKubeconfig } from "./live.ts";

function libraryOf(kubeconfig: string): GetLibrary {
  return followLibrary(() => readAccess(denoWorld(), { kubeconfig }));
}

/** Reads one pod as the library does it. Rejects with what it threw. */
async function readPod(kubeconfig: string, namespace: string, signal = NEVER): Promise<unknown> {
  const { module, config } = await libraryOf(kubeconfig)();
  const api = config.makeApiClient(module.CoreV1Api);
  return await api.readNamespacedPod({ namespace, name: "none" }, ending(module, signal));
}

const failure = (work: Promise<unknown>): Promise<unknown> => work.then(() => assert.fail("it succeeded"), (e) => e);

Deno.test("followLibrary names a kubeconfig that cannot be used", async () => {
  await assert.rejects(
    libraryOf("/nowhere/kubeconfig")(),
    (error: Error) => error instanceof RefusedError && /"\/nowhere\/kubeconfig"/.test(error.message),
  );
});

Deno.test("toStoreError tells an API server that says no from one that does not answer", async () => {
  await using kube = await makeKube();
  const cases: readonly [string, string, number | undefined, typeof RefusedError | typeof UnavailableError][] = [
    ["nothing there", kube.kubeconfig, 404, RefusedError],
    ["a user without rights", await writeKubeconfig(kube, { token: NOBODY_TOKEN }), 403, RefusedError],
    ["unknown credentials", await writeKubeconfig(kube, { token: "unknown" }), 401, RefusedError],
    [
      "nobody listens",
      await writeKubeconfig(kube, { token: kube.token }, { server: `https://127.0.0.1:${freePort()}` }),
      undefined,
      UnavailableError,
    ],
  ];
  for (const [what, kubeconfig, code, kind] of cases) {
    const error = await failure(readPod(kubeconfig, kube.namespace));
    const told = toStoreError(error, "read pod none");
    assert.deepEqual([codeOf(error), told.constructor], [code, kind], what);
    assert.match(told.message, /^Cannot read pod none: .+/, what);
    assert.doesNotMatch(told.message, /\n/, what);
  }
  for (const code of [408, 429, 500, 503]) {
    assert(toStoreError(Object.assign(new Error("busy"), { code }), "wait") instanceof UnavailableError, String(code));
  }
});

Deno.test("ending ends a call that nobody answers, and one that was over before it began", async () => {
  await using kube = await makeKube();
  await using relay = new Relay(kube.url);
  const kubeconfig = await writeKubeconfig(kube, { token: kube.token }, { server: relay.url });
  assert.equal(codeOf(await failure(readPod(kubeconfig, kube.namespace))), 404);
  relay.freeze();
  const stop = new AbortController();
  const reading = failure(readPod(kubeconfig, kube.namespace, stop.signal));
  setTimeout(() => stop.abort(), 50);
  assert(toStoreError(await reading, "read") instanceof UnavailableError);
  assert.equal(codeOf(await failure(readPod(kubeconfig, kube.namespace, AbortSignal.abort()))), undefined);
});
