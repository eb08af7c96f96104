import assert from "node:assert/strict";
import { testNode } from "./node.ts";

Deno.test("ADD and STATUS refuse to keep addresses in a store that reads no pods, and serve other networks", async () => {
  await using node = await testNode();
  node.disk.files.set("/etc/cni/kubeconfig", "");
  const conf = (ipam: Record<string, unknown>) => ({
    cniVersion: "1.1.0",
    name: "net",
    ipam: {
      type: "whereabouts",
      log_level: "panic",
      range: "10.0.0.0/24",
      datastore: "kubernetes",
      kubernetes: { kubeconfig: "/etc/cni/kubeconfig" },
      ...ipam,
    },
  });
  for (const setting of [{ allow_persistent_ips: true }, { sticky: "statefulset" }]) {
    for (const [verb, expected] of [["ADD", 102], ["STATUS", 50]] as const) {
      const { code, msg } = JSON.parse((await node.call(verb, conf(setting))).stdout);
      const [name = ""] = Object.keys(setting);
      assert.equal(code, expected, msg);
      assert.match(msg, new RegExp(`keep addresses of network net: ${name} .*driver "embedded" does not read`));
    }
  }
  for (const verb of ["ADD", "STATUS"]) assert.equal((await node.call(verb, conf({}))).exitCode, 0, verb);
});
