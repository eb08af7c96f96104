import assert from "node:assert/strict";
import { formatCidr } from "../src/address/cidr.ts";
import { parseJson } from "../src/values/json.ts";
import { loadConfig } from "../src/config/load.ts";
import { networksOf } from "../src/config/conflist.ts";
import { textOf } from "./documents.ts";
import { examplesOf, filesOf, FOLDER, manifestsOf, promisedBy, selectionsOf } from "./examples.ts";
import { memoryWorld } from "./support/world.ts";

const FLAT_FILE = "/etc/cni/net.d/whereabouts.d/whereabouts.conf";
/** What the DaemonSet writes into the flat file. */
const GENERATED = { kubernetes: { kubeconfig: "/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig" } };

/** A node on which the DaemonSet has merged these fields into the flat file. */
function node(fields: Record<string, unknown> = {}) {
  return memoryWorld({ files: { [FLAT_FILE]: JSON.stringify({ ...GENERATED, ...fields }) } });
}

const networks = filesOf(".yaml").filter((file) => file !== "configmap.yaml");

for (const file of networks) {
  Deno.test(`examples: ${file} is read by the loader without a warning, and has a pod for each network`, async () => {
    const examples = examplesOf(file);
    assert(examples.length >= 1);
    for (const { name, conf, requested } of examples) {
      assert.equal(conf.name, name, "the network has the name of its definition");
      const runtimeConfig = requested.length > 0 ? { runtimeConfig: { ips: requested } } : {};
      const input = { conf: { ...conf, ...runtimeConfig }, pod: true };
      const { config, warnings, notes, defaultStore } = await loadConfig(node(), input);
      assert.deepEqual([warnings, notes, defaultStore], [[], [], false]);
      assert(config.ranges.length >= 1);
    }
    const pods = manifestsOf(file).filter(({ kind }) => kind === "Pod");
    const used = pods.flatMap(({ metadata }) => selectionsOf(metadata.annotations)).map(({ name }) => name);
    assert.deepEqual([...new Set(used)].toSorted(), examples.map(({ name }) => name).toSorted());
    assert(promisedBy(file).length >= 1, "the comment promises an address");
  });
}

Deno.test("examples: no two files use overlapping ranges, so that all can be applied to one cluster", async () => {
  const owners = new Map<string, string>();
  for (const file of networks) {
    for (const { conf } of examplesOf(file)) {
      const { config } = await loadConfig(node(), { conf, purpose: "inspect" });
      for (const { cidr } of config.ranges) {
        const block = formatCidr({ ...cidr, prefix: cidr.family === 4 ? 24 : 64 });
        assert.equal(owners.get(block) ?? file, file, `${block} of ${file}`);
        owners.set(block, file);
      }
    }
  }
  assert(owners.size >= 16, `only ${owners.size} blocks were found`);
});

Deno.test("examples: the flat files, and that of the ConfigMap, are read by the loader without a warning", async () => {
  const config = manifestsOf("configmap.yaml")[0]?.data?.["whereabouts.conf"] ?? "";
  const texts = [...filesOf(".conf").map((file) => Deno.readTextFileSync(FOLDER + file)), config];
  assert(texts.length >= 3);
  for (const text of texts) {
    const fields = parseJson(text) as Record<string, unknown>;
    assert(Object.keys(fields).length >= 2, text);
    const conf = { cniVersion: "1.0.0", name: "net", ipam: { type: "whereabouts", range: "10.0.0.0/24" } };
    const { warnings, config: loaded } = await loadConfig(
      node({ ...fields, kubernetes: {}, ...("datastore" in fields ? {} : GENERATED) }),
      { conf, pod: true },
    );
    assert.deepEqual(warnings, []);
    assert.equal(loaded.datastore.kind, fields.datastore ?? "kubernetes");
  }
});

Deno.test("examples: the list for one machine needs neither flat file nor pod", async () => {
  const [conf, ...others] = networksOf(JSON.parse(Deno.readTextFileSync(`${FOLDER}one-machine.conflist`)));
  assert.deepEqual(others, []);
  const { config, warnings } = await loadConfig(memoryWorld({}), { conf });
  assert.deepEqual([config.datastore.kind, config.ranges.length, warnings], ["embedded", 2, []]);
});

Deno.test("examples: their README names every file, and at least 14 networks", () => {
  const readme = textOf("docs/examples/README.md");
  const files = [...networks, "configmap.yaml", ...filesOf(".conf"), ...filesOf(".conflist")];
  assert.deepEqual([...readme.matchAll(/^\| \[([^\]]+)\]/gm)].map(([, name]) => name).toSorted(), files.toSorted());
  assert(networks.length >= 14);
});
