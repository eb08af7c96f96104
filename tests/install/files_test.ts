import assert from "node:assert/strict";
import { configurationFiles, installedPaths, kubeconfigFile } from "../../src/install/files.ts";
import { readSettings } from "../../src/install/settings.ts";

const ENV: Record<string, string> = {
  CNI_BIN_DIR: "/bin-dir",
  KUBERNETES_SERVICE_HOST: "10.96.0.1",
  KUBERNETES_SERVICE_PORT: "443",
  WHEREABOUTS_NAMESPACE: "kube-system",
  NODENAME: "node1",
};

function settings(more: Record<string, string> = {}) {
  return readSettings((name) => ({ ...ENV, ...more })[name], {});
}

Deno.test("kubeconfigFile has the contents of the original's", () => {
  const file = kubeconfigFile(settings(), { token: "secret", ca: "PEM\n" });
  assert.equal(file?.path, "/host/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig");
  const config = JSON.parse(file?.text ?? "");
  const cluster = { server: "https://10.96.0.1:443", "certificate-authority-data": btoa("PEM\n") };
  assert.deepEqual(config.clusters, [{ name: "local", cluster }]);
  assert.deepEqual(config.users, [{ name: "whereabouts", user: { token: "secret" } }]);
  assert.equal(config.contexts[0].context.namespace, "kube-system");
  assert.equal(config["current-context"], "whereabouts-context");
});

Deno.test("kubeconfigFile accepts CA bundles of any size", () => {
  const ca = "é".repeat(500_000);
  const config = JSON.parse(kubeconfigFile(settings(), { token: "secret", ca })?.text ?? "");
  const data = atob(config.clusters[0].cluster["certificate-authority-data"]);
  assert.equal(new TextDecoder().decode(Uint8Array.from(data, (one) => one.charCodeAt(0))), ca);
});

Deno.test("kubeconfigFile skips TLS verification only on request, and is undefined without server or namespace", () => {
  const open = JSON.parse(kubeconfigFile(settings(), { token: "t", ca: undefined })?.text ?? "");
  assert.equal(open.clusters[0].cluster["insecure-skip-tls-verify"], true);
  assert.equal(kubeconfigFile(settings({ KUBERNETES_SERVICE_HOST: "" }), { token: "t", ca: "c" }), undefined);
  assert.equal(kubeconfigFile(settings({ WHEREABOUTS_NAMESPACE: "" }), { token: "t", ca: "c" }), undefined);
});

Deno.test("configurationFiles writes paths of the host into files at paths of the container", () => {
  const [flat, nodename] = configurationFiles(settings());
  assert.deepEqual(JSON.parse(flat?.text ?? ""), {
    datastore: "kubernetes",
    configuration_path: "/etc/cni/net.d/whereabouts.d",
    kubernetes: { kubeconfig: "/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig" },
    reconciler_cron_expression: "30 4 * * *",
  });
  assert.deepEqual(nodename, { path: "/host/etc/cni/net.d/whereabouts.d/nodename", text: "node1" });
  assert.equal(configurationFiles(settings({ NODENAME: "" })).length, 1);
});

Deno.test("configurationFiles lets fields of the operator win, and omits the cluster if they select another store", () => {
  const flat = (operator: Record<string, unknown>) =>
    JSON.parse(configurationFiles(settings(), operator)[0]?.text ?? "");
  const own = flat({});
  assert.deepEqual(flat({ log_level: "error", configuration_path: "", kubernetes: {} }), {
    ...own,
    log_level: "error",
  });
  assert.equal(flat({ reconciler_cron_expression: "1 1 * * *" }).reconciler_cron_expression, "1 1 * * *");
  assert.deepEqual(flat({ kubernetes: { kubeconfig: "/mine" } }).kubernetes, { kubeconfig: "/mine" });
  assert.deepEqual(flat({ datastore: "kubernetes" }), own);
  for (
    const store of [{ etcd_host: "h:1" }, { datastore: "etcd", etcd_host: "h:1" }, { datastore: "embedded" }, {
      database: "/db",
    }]
  ) {
    const { datastore, kubernetes, configuration_path } = flat(store);
    assert.deepEqual([datastore, kubernetes, configuration_path], [store.datastore, undefined, own.configuration_path]);
  }
});

Deno.test("installedPaths lists every written file", () => {
  const written = [kubeconfigFile(settings(), { token: "t", ca: "c" }), ...configurationFiles(settings())];
  assert.deepEqual(
    [...installedPaths(settings())].sort(),
    ["/bin-dir/whereabouts", ...written.map((file) => file?.path)].sort(),
  );
});
