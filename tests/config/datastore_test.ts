import assert from "node:assert/strict";
import { FLAT_FILES } from "../../src/config/files.ts";
import { type Datastore, NoStoreError } from "../../src/config/types.ts";
import { failure, FLAT_FILE, loadExactly, refuses } from "./support.ts";

async function store(fields: Record<string, unknown>): Promise<{ datastore: Datastore; warnings: readonly string[] }> {
  const { config, warnings } = await loadExactly({ type: "whereabouts", ...fields });
  return { datastore: config.datastore, warnings };
}

const KUBECONFIG = { kubernetes: { kubeconfig: "/k" } };
const EMBEDDED = { kind: "embedded", path: "/var/lib/cni/whereabouts/whereabouts.db" };
const ETCD = { kind: "etcd", prefix: "/whereabouts" };

/** Settings, and the store that they select without a warning. */
const CHOICES: readonly (readonly [fields: Record<string, unknown>, datastore: unknown])[] = [
  [KUBECONFIG, { kind: "kubernetes", kubeconfig: "/k" }],
  [{ ...KUBECONFIG, kubernetes: { kubeconfig: "/k", k8s_api_root: "https://10.0.0.1" } }, {
    kind: "kubernetes",
    kubeconfig: "/k",
  }],
  [{ ...KUBECONFIG, datastore: "kubernetes" }, { kind: "kubernetes", kubeconfig: "/k" }],
  [{ datastore: "kubernetes" }, { kind: "kubernetes" }],
  [{ datastore: "embedded" }, EMBEDDED],
  [{ datastore: "embedded", ...KUBECONFIG, etcd_host: "h" }, EMBEDDED],
  [{ datastore: "embedded", database: ":memory:" }, { kind: "embedded", path: ":memory:" }],
  [{ database: "/db" }, { kind: "embedded", path: "/db" }],
  [{ etcd_host: "10.0.0.1:2379" }, { ...ETCD, hosts: ["http://10.0.0.1:2379"] }],
  [{ datastore: "", etcd_host: "10.0.0.1:2379" }, { ...ETCD, hosts: ["http://10.0.0.1:2379"] }],
  [{ datastore: "etcd", ...KUBECONFIG, etcd_host: "h:1" }, { ...ETCD, hosts: ["http://h:1"] }],
  [{ etcd_host: " a:1, b:2,, https://c:3 " }, { ...ETCD, hosts: ["http://a:1", "http://b:2", "https://c:3"] }],
  [{ etcd_host: "[fd00::1]:2379" }, { ...ETCD, hosts: ["http://[fd00::1]:2379"] }],
  [{ etcd_host: "h:1", etcd_prefix: "/other/" }, { ...ETCD, prefix: "/other", hosts: ["http://h:1"] }],
  [
    { etcd_host: "h:1", etcd_username: "u", etcd_password: "p" },
    { ...ETCD, hosts: ["http://h:1"], username: "u", password: "p" },
  ],
  [{ etcd_host: "h:1", etcd_ca_cert_file: "/ca" }, { ...ETCD, hosts: ["https://h:1"], caFile: "/ca" }],
  [
    { etcd_host: "h:1,http://i:1", etcd_cert_file: "/c", etcd_key_file: "/k", etcd_server_name: "etcd.example" },
    { ...ETCD, hosts: ["https://h:1", "http://i:1"], certFile: "/c", keyFile: "/k", serverName: "etcd.example" },
  ],
];

Deno.test("parseDatastore selects the named store, else the configured one", async () => {
  for (const [fields, expected] of CHOICES) {
    const quiet = { enable_overlapping_ranges: false, ...fields };
    assert.deepEqual(await store(quiet), { datastore: expected, warnings: [] }, JSON.stringify(fields));
  }
});

Deno.test("parseDatastore defaults to the embedded store, with a warning", async () => {
  const { datastore, warnings } = await store({});
  assert.deepEqual(datastore, EMBEDDED);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /^No store is configured.*unique on this machine only.*ipam\.datastore/);
});

Deno.test("loadConfig refuses a pod of Kubernetes without a configured store, and lists every place that it searched", async () => {
  const flat = { [FLAT_FILE]: { log_level: "error" } };
  for (const files of [{}, flat]) {
    const error = await failure(
      loadExactly({ type: "whereabouts", range: "10.0.0.0/24" }, { pod: true, files, extraPaths: ["/x"] }),
    );
    assert.ok(error instanceof NoStoreError, error.name);
    assert.equal(error.field, "ipam.datastore");
    for (const text of [...FLAT_FILES, "/x", "kubeconfig", "etcd_host", "DaemonSet", '"datastore": "embedded"']) {
      assert.ok(error.message.includes(text), `"${error.message}" lacks ${text}`);
    }
    assert.ok(error.message.length < 1_000, "a message is cut at 1000 characters");
  }
});

Deno.test("loadConfig allows the embedded default without a pod name and for releases, and reports that it is the default", async () => {
  const network = { type: "whereabouts", range: "10.0.0.0/24" };
  for (
    const options of [{}, { pod: false }, { pod: true, purpose: "release" as const }, {
      pod: true,
      purpose: "inspect" as const,
    }]
  ) {
    const { config, defaultStore } = await loadExactly(network, options);
    assert.deepEqual([config.datastore, defaultStore], [EMBEDDED, true]);
  }
  for (const [fields] of CHOICES) {
    const { defaultStore } = await loadExactly({ ...network, ...fields }, { pod: true });
    assert.equal(defaultStore, false, JSON.stringify(fields));
  }
  const flat = { [FLAT_FILE]: { kubernetes: { kubeconfig: "/k" } } };
  assert.equal((await loadExactly(network, { pod: true, files: flat })).defaultStore, false);
});

Deno.test("parseDatastore warns that a kubeconfig takes precedence over etcd_host", async () => {
  const { datastore, warnings } = await store({ ...KUBECONFIG, etcd_host: "h:1" });
  assert.equal(datastore.kind, "kubernetes");
  assert.match(warnings[0] ?? "", /^ipam\.etcd_host is ignored/);
});

Deno.test("parseDatastore refuses inconsistent settings and names the field", async () => {
  const named = (datastore: string) => loadExactly({ type: "whereabouts", datastore });
  await refuses(named("consul"), "ipam.datastore", '"consul"', "kubernetes, etcd, embedded");
  await refuses(named("Kubernetes"), "ipam.datastore", '"Kubernetes"');
  await refuses(named("toString"), "ipam.datastore");
  await refuses(named("etcd"), "ipam.etcd_host", "Missing");
  const etcd = (fields: Record<string, unknown>) => loadExactly({ type: "whereabouts", datastore: "etcd", ...fields });
  await refuses(etcd({ etcd_host: " , " }), "ipam.etcd_host", "Missing");
  await refuses(etcd({ etcd_host: "h:1", etcd_cert_file: "/c" }), "ipam.etcd_key_file", "Missing");
  await refuses(etcd({ etcd_host: "h:1", etcd_key_file: "/k" }), "ipam.etcd_cert_file", "Missing");
  for (const host of ["fd00::1:2379", "a b:1", "ftp://h:1", "http://", "h:99999"]) {
    await refuses(etcd({ etcd_host: `good:1,${host}` }), "ipam.etcd_host", "expected endpoints such as");
  }
});

Deno.test("parseDatastore warns that etcd has no cluster-wide reservations, unless they are disabled", async () => {
  const warnings = async (fields: Record<string, unknown>) => (await store({ etcd_host: "h:1", ...fields })).warnings;
  const text =
    "has no effect: etcd keeps no cluster-wide reservations; keep the ranges of networks apart, and write false";
  assert.deepEqual(await warnings({ enable_overlapping_ranges: true }), [`ipam.enable_overlapping_ranges ${text}`]);
  assert.deepEqual(await warnings({}), [`ipam.enable_overlapping_ranges, which is on by default, ${text}`]);
  assert.deepEqual(await warnings({ enable_overlapping_ranges: false }), []);
});

Deno.test("parseDatastore keeps passwords out of messages", async () => {
  const wrong = [{ etcd_host: "http://user:271828@h:1" }, { etcd_host: "h:1", etcd_password: 271828 }];
  for (const fields of wrong) {
    const { message } = await failure(loadExactly({ type: "whereabouts", datastore: "etcd", ...fields }));
    assert.match(message, /^Cannot use ipam\.etcd_/);
    assert.ok(!message.includes("271828"), message);
  }
});
