import assert from "node:assert/strict";
import { examplesOf, filesOf, promisedBy } from "./examples.ts";
import { binary, callPlugin } from "./support/binary.ts";
import { EtcdServer } from "./support/etcd.ts";
import { makeKube } from "./support/kube.ts";

const PLUGIN = await binary();

/** Need slices, which the controller assigns: tests/binary/slices_live_test.ts, tests/controllers/elastic_live_test.ts. */
const SLICED = ["node-slices.yaml", "elastic-slices.yaml"];

Deno.test("examples: the first pod of each network gets the addresses that its file promises", async (t) => {
  await using kube = await makeKube();
  await using etcd = await EtcdServer.start();
  const folder = await Deno.makeTempDir();
  try {
    for (const file of filesOf(".yaml").filter((one) => !SLICED.includes(one) && one !== "configmap.yaml")) {
      await t.step(file, async () => {
        const found: string[] = [];
        const calls = examplesOf(file).map(({ name, conf, requested }) => {
          const ipam = {
            log_level: "error",
            ...conf.ipam as Record<string, unknown>,
            ...(file === "etcd.yaml" && { etcd_host: etcd.url }),
            ...(file === "embedded.yaml" && { database: `${folder}/whereabouts.db` }),
            ...(!["etcd.yaml", "embedded.yaml"].includes(file) && { kubernetes: { kubeconfig: kube.kubeconfig } }),
          };
          const runtimeConfig = requested.length > 0 ? { runtimeConfig: { ips: requested } } : {};
          return { conf: { ...conf, ...runtimeConfig, ipam }, containerId: name, pod: `${name}-a` };
        });
        for (const call of calls) {
          const { code, stdout, stderr } = await callPlugin(PLUGIN, { ...call, verb: "ADD" });
          assert.equal(code, 0, `${stdout} ${stderr}`);
          found.push(...JSON.parse(stdout).ips.map(({ address }: { address: string }) => address));
        }
        const promised = promisedBy(file);
        assert.deepEqual(found, file === "named-networks.yaml" ? [...promised, ...promised] : promised);
        for (const call of calls) assert.equal((await callPlugin(PLUGIN, { ...call, verb: "DEL" })).code, 0);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
