import assert from "node:assert/strict";
import { ApiReader } from "../../../drivers/kubernetes/reader.ts";
import { RefusedError, UnavailableError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { makeKube } from "../../support/kube.ts";
import { freePort } from "../../support/process.ts";
import { NEVER, writeKubeconfig } from "./live.ts";

const NAMESPACES = { path: "/api/v1/namespaces/kube-system", what: "namespace kube-system" };

Deno.test("ApiReader reads a token anew that the API server does not take any more", async () => {
  await using kube = await makeKube();
  const tokenFile = `${kube.folder}/${crypto.randomUUID()}.token`;
  await Deno.writeTextFile(tokenFile, "outdated");
  using reader = await ApiReader.open(denoWorld(), { kubeconfig: await writeKubeconfig(kube, { tokenFile }) });
  await assert.rejects(
    reader.json(NAMESPACES, NEVER),
    (error: Error) => error instanceof RefusedError && /credentials/.test(error.message),
  );
  await Deno.writeTextFile(tokenFile, kube.token);
  const found = await reader.json(NAMESPACES, NEVER) as { kind: string };
  assert.equal(found.kind, "Namespace");
});

Deno.test("ApiReader tells what is not there from what cannot be had", async () => {
  await using kube = await makeKube();
  using reader = await ApiReader.open(denoWorld(), { kubeconfig: kube.kubeconfig });
  assert.equal(await reader.json({ path: "/api/v1/namespaces/nowhere", what: "namespace nowhere" }, NEVER), undefined);
  const server = `https://127.0.0.1:${freePort()}`;
  using down = await ApiReader.open(denoWorld(), {
    kubeconfig: await writeKubeconfig(kube, { token: kube.token }, { server }),
  });
  await assert.rejects(
    down.json(NAMESPACES, NEVER),
    (error: Error) =>
      error instanceof UnavailableError && error.message.includes(server) && /kube-system/.test(error.message),
  );
});
