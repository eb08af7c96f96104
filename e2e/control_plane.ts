/**
 * etcd, API server, controller manager and scheduler in the control plane's network namespace.
 *
 * @module
 */
import { writeAuthority, writeCertificate, writeKeyPair } from "../tests/support/certificates.ts";
import { eventually, run, Server } from "../tests/support/process.ts";
import { API_PORT, inside, SERVICE_IP } from "./network.ts";
import { supervised } from "./supervised.ts";

const ETCD = "http://127.0.0.1:22379";
const PEER = "http://127.0.0.1:22380";

/** Writes certificates and kubeconfigs into the cluster's folder. */
export async function writeIdentities(state: string): Promise<void> {
  await writeAuthority(state);
  const names = `DNS:kubernetes,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.200.0.1,IP:${SERVICE_IP}`;
  await writeCertificate(state, "server", "/CN=kube-apiserver", `subjectAltName=${names}`);
  await writeCertificate(state, "admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth");
  await writeKeyPair(state, "sa");
  await writeKubeconfig(`${state}/admin.kubeconfig`, state, "admin");
}

/** Writes the kubeconfig of a certificate that stands in the cluster's folder. All of it inline: it is copied to other mounts. */
export async function writeKubeconfig(path: string, state: string, name: string): Promise<void> {
  const data = async (file: string) => btoa(await Deno.readTextFile(`${state}/${file}`));
  const cluster = {
    server: `https://${SERVICE_IP}:${API_PORT}`,
    "certificate-authority-data": await data("ca.crt"),
  };
  const user = {
    "client-certificate-data": await data(`${name}.crt`),
    "client-key-data": await data(`${name}.key`),
  };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "default" } }],
    "current-context": "x",
  };
  await Deno.writeTextFile(path, JSON.stringify(config), { mode: 0o600 });
}

/** Starts everything. What is returned ends it, last first. */
export async function startControlPlane(
  state: string,
  namespace: string,
  binaries: { readonly plane: string; readonly cluster: string },
): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const start = (folder: string, name: string, flags: readonly string[]) =>
    starting.use(
      new Server(
        supervised(`${state}/${name}`, inside(namespace, [`${folder}/${name}`, ...flags])),
        `${state}/${name}.log`,
      ),
    );
  start(binaries.plane, "etcd", [
    `--data-dir=${state}/etcd`,
    `--listen-client-urls=${ETCD}`,
    `--advertise-client-urls=${ETCD}`,
    `--listen-peer-urls=${PEER}`,
    `--initial-advertise-peer-urls=${PEER}`,
    `--initial-cluster=default=${PEER}`,
    "--unsafe-no-fsync",
  ]);
  const api = start(binaries.plane, "kube-apiserver", apiFlags(state));
  const kubeconfig = `--kubeconfig=${state}/admin.kubeconfig`;
  const ready = [`${binaries.plane}/kubectl`, kubeconfig, "get", "--raw", "/readyz"];
  await api.ready("the API server", async () => (await run(inside(namespace, ready))).code === 0);
  const common = [kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1"];
  start(binaries.cluster, "kube-scheduler", [...common, "--authentication-skip-lookup=true"]);
  start(binaries.cluster, "kube-controller-manager", [
    ...common,
    `--service-account-private-key-file=${state}/sa.key`,
    `--root-ca-file=${state}/ca.crt`,
    "--node-monitor-period=1s",
    "--node-monitor-grace-period=12s",
    "--use-service-account-credentials=true",
    "--authentication-skip-lookup=true",
  ]);
  const account = [`${binaries.plane}/kubectl`, kubeconfig, "get", "serviceaccount", "default"];
  await eventually("service account default", async () => (await run(inside(namespace, account))).code === 0);
  return starting.move();
}

function apiFlags(state: string): readonly string[] {
  return [
    `--etcd-servers=${ETCD}`,
    "--bind-address=0.0.0.0",
    "--advertise-address=10.200.0.1",
    `--secure-port=${API_PORT}`,
    `--tls-cert-file=${state}/server.crt`,
    `--tls-private-key-file=${state}/server.key`,
    `--client-ca-file=${state}/ca.crt`,
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--allow-privileged=true",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${state}/sa.pub`,
    `--service-account-signing-key-file=${state}/sa.key`,
    "--service-cluster-ip-range=10.96.0.0/16",
    `--kubelet-client-certificate=${state}/admin.crt`,
    `--kubelet-client-key=${state}/admin.key`,
    "--kubelet-preferred-address-types=InternalIP",
  ];
}
