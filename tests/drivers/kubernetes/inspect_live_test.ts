import assert from "node:assert/strict";
import { inspectApi } from "../../../drivers/kubernetes/inspect.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { makeKube, NOBODY_TOKEN } from "../../support/kube.ts";
import { freePort } from "../../support/process.ts";
import { writeKubeconfig } from "./live.ts";

Deno.test("inspectApi finds no problem if everything is installed and allowed", async () => {
  await using kube = await makeKube();
  const findings = await inspectApi(denoWorld(), { kubeconfig: kube.kubeconfig });
  assert.equal(findings.length, 9);
  assert.deepEqual(findings.filter(({ problem }) => problem !== undefined), []);
});

Deno.test("inspectApi names the missing verbs", async () => {
  await using kube = await makeKube();
  const findings = await inspectApi(denoWorld(), { kubeconfig: await writeKubeconfig(kube, { token: NOBODY_TOKEN }) });
  const problems = findings.flatMap(({ problem }) => problem ?? []);
  assert.deepEqual(problems.map((problem) => problem.split(":")[0]), [
    "Not allowed to get, list, create, patch",
    "Not allowed to get, list, create, patch, delete",
    "Not allowed to get",
  ]);
});

Deno.test("inspectApi names an unreachable API server, rejected credentials and a missing kubeconfig", async () => {
  await using kube = await makeKube();
  const away = await writeKubeconfig(kube, { token: "t" }, { server: `https://127.0.0.1:${freePort()}` });
  assert.match((await inspectApi(denoWorld(), { kubeconfig: away }))[0]?.problem ?? "", /refused/i);
  const stranger = await writeKubeconfig(kube, { token: "stranger" });
  assert.match(
    (await inspectApi(denoWorld(), { kubeconfig: stranger }))[0]?.problem ?? "",
    /Unauthorized; https:.* does not accept the credentials of .*: renew them$/,
  );
  assert.match((await inspectApi(denoWorld(), { kubeconfig: "/nowhere" }))[0]?.problem ?? "", /file not found/);
});
