import assert from "node:assert/strict";
import { makeKube } from "./kube.ts";

Deno.test("makeKube serves our custom resources and counts requests", async () => {
  await using kube = await makeKube();
  const pool = {
    apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
    kind: "IPPool",
    metadata: { name: "10.10.0.0-30" },
    spec: { range: "10.10.0.0/30", allocations: { "1": { id: "9f1c", podref: "default/web-0", ifname: "net1" } } },
  };
  const file = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(file, JSON.stringify(pool));
  await kube.kubectl("create", "-f", file);
  await Deno.remove(file);
  assert.deepEqual(JSON.parse(await kube.kubectl("get", "ippool", "10.10.0.0-30", "-o", "json")).spec, pool.spec);
  assert.deepEqual(await kube.requests(), ["create ippools", "get ippools"]);
});
