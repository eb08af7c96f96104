import assert from "node:assert/strict";
import { readSettings } from "../../src/install/settings.ts";

const POD = {
  KUBERNETES_SERVICE_HOST: "fd00::1",
  KUBERNETES_SERVICE_PORT: "443",
  WHEREABOUTS_NAMESPACE: "kube-system",
  NODENAME: "node1",
};

function read(env: Record<string, string>, flags = {}) {
  return readSettings((name) => env[name], flags);
}

Deno.test("readSettings has the original's defaults, and distinguishes paths of host and container", () => {
  const settings = read(POD);
  assert.equal(settings.binFolder, "/host/opt/cni/bin");
  assert.equal(settings.confFolder, "/host/etc/cni/net.d");
  assert.equal(settings.hostConfFolder, "/etc/cni/net.d");
  assert.equal(settings.server, "https://[fd00::1]:443");
  assert.equal(settings.mode, 0o600);
  assert.equal(settings.cron, "30 4 * * *");
  assert.equal(settings.caFile, "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt");
  const k3s = read({ ...POD, HOST_CNI_CONF_DIR: "/var/lib/rancher/k3s/agent/etc/cni/net.d/" });
  assert.equal(k3s.confFolder, "/host/etc/cni/net.d");
  assert.equal(k3s.hostConfFolder, "/var/lib/rancher/k3s/agent/etc/cni/net.d");
  assert.equal(read({ CNI_CONF_DIR: "/hosts/net.d" }).hostConfFolder, "/hosts/net.d");
});

Deno.test("readSettings prefers flags to the environment", () => {
  const env = { ...POD, CNI_BIN_DIR: "/a/", CNI_CONF_DIR: "/b", KUBECONFIG_MODE: "0640", SKIP_TLS_VERIFY: "true" };
  const given = read(env, { binFolder: "/c", nodeName: "other", namespace: "mine" });
  assert.deepEqual([given.binFolder, given.nodeName, given.namespace], ["/c", "other", "mine"]);
  assert.deepEqual([given.confFolder, given.mode, given.skipTlsVerify], ["/b", 0o640, true]);
  assert.equal(read(env).binFolder, "/a");
  assert.equal(read({}).flatFile, "/etc/whereabouts/whereabouts.conf");
  assert.equal(read({ WHEREABOUTS_FLAT_FILE: "/a" }).flatFile, "/a");
  assert.equal(read({ WHEREABOUTS_FLAT_FILE: "/a" }, { flatFile: "/b" }).flatFile, "/b");
});

Deno.test("readSettings refuses invalid values", () => {
  assert.throws(() => read({ ...POD, KUBECONFIG_MODE: "rw" }), /KUBECONFIG_MODE "rw".*600/);
  assert.throws(() => read({ ...POD, CNI_BIN_DIR: "bin" }), /CNI_BIN_DIR "bin".*absolute/);
  assert.equal(read({}).server, undefined);
});
