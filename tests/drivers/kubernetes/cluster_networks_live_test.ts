import assert from "node:assert/strict";
import { makeCluster } from "../../cli/cluster.ts";

Deno.test("lint finds ranges that overlap the Service network", async () => {
  await using cluster = await makeCluster();
  const { kube, ask, define } = cluster;
  const clusterIP = await kube.kubectl(
    "get",
    "service",
    "kubernetes",
    "-n",
    "default",
    "-o",
    "jsonpath={.spec.clusterIP}",
  );
  await define("services", { range: `${clusterIP}/30` });
  const { code, out, err } = await ask("lint", "--cluster");
  assert.equal(code, 3, out + err);
  assert.match(out, /services: Range .* overlaps the Service network .* \[cluster-addresses\]/);
});
