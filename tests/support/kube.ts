/**
 * A throwaway control plane: real etcd and kube-apiserver on loopback, with RBAC and our custom resources.
 *
 * @module
 */
import { assets } from "./assets.ts";
import { ADMIN_TOKEN, type AuditEvent, auditOf, kubeconfigOf, type KubeFacts, writeServerFiles } from "./kube_files.ts";
import { answers, eventually, freePort, must, Server } from "./process.ts";

export { kubeconfigOf, type KubeFacts, NOBODY_TOKEN } from "./kube_files.ts";

/** Where the manifests of the custom resources are. */
const CRDS = new URL("../../install/manifests/crds/", import.meta.url).pathname;

/** Set by the runner to the folder of a control plane that all test files share. */
const SHARED = "WHEREABOUTS_TEST_KUBE";

/** A namespace of a control plane, for one test. */
export interface Kube extends KubeFacts {
  /** Kubeconfig (JSON) of the administrator, its context in the namespace. */
  readonly kubeconfig: string;
  /** The administrator's token. */
  readonly token: string;
  /** The namespace. */
  readonly namespace: string;
  /** Runs kubectl as the administrator in the namespace. */
  kubectl(...args: string[]): Promise<string>;
  /** Requests that the API server saw for our resources in this namespace, as `VERB resource`, in order. */
  requests(): Promise<string[]>;
  /** Requests that the API server saw in this namespace for anything the audit policy records. */
  auditCount(): Promise<number>;
  /** What the API server logged of them. */
  audit(): Promise<readonly AuditEvent[]>;
}

/** A running control plane. */
export class ControlPlane implements AsyncDisposable {
  readonly #folder: string;
  readonly #binaries: string;
  readonly #ports: { readonly etcd: number; readonly peer: number; readonly api: number };
  #etcd: Server | undefined;
  #api: Server | undefined;

  private constructor(folder: string, binaries: string) {
    this.#folder = folder;
    this.#binaries = binaries;
    this.#ports = { etcd: freePort(), peer: freePort(), api: freePort() };
  }

  /** Starts one, with our custom resources served. */
  static async start(options: { readonly crds?: boolean } = {}): Promise<ControlPlane> {
    const plane = new ControlPlane(await Deno.makeTempDir({ prefix: "kube-" }), await assets("controlPlane"));
    try {
      await writeServerFiles(plane.#folder);
      await plane.startEtcd();
      await plane.startApiServer();
      await writeKubeconfigs(plane.facts, plane.#binaries);
      if (options.crds ?? true) await applyCrds(plane.facts, plane.#binaries);
      return plane;
    } catch (error) {
      await plane[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where it is. */
  get facts(): KubeFacts {
    return { url: `https://127.0.0.1:${this.#ports.api}`, folder: this.#folder };
  }

  /** The URL of its etcd, for objects that a bench stores directly. */
  get etcd(): string {
    return `http://127.0.0.1:${this.#ports.etcd}`;
  }

  /** Starts etcd on the data it has. */
  async startEtcd(): Promise<void> {
    const { peer } = this.#ports;
    const client = this.etcd;
    const peers = `http://127.0.0.1:${peer}`;
    this.#etcd = new Server([
      `${this.#binaries}/etcd`,
      `--data-dir=${this.#folder}/etcd`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=default=${peers}`,
      "--quota-backend-bytes=8589934592", // for the bench of 100,000 pods; etcd's default is 2 GB
    ], `${this.#folder}/etcd.log`);
    await this.#etcd.ready("etcd", () => answers(`${client}/health`));
  }

  /** Starts the API server, and waits until it is ready. */
  async startApiServer(): Promise<void> {
    const f = this.#folder;
    this.#api = new Server([
      `${this.#binaries}/kube-apiserver`,
      `--etcd-servers=${this.etcd}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      "--endpoint-reconciler-type=none", // since 1.37 the endpoint of Service kubernetes must not be a loopback address
      `--secure-port=${this.#ports.api}`,
      `--tls-cert-file=${f}/server.crt`,
      `--tls-private-key-file=${f}/server.key`,
      `--client-ca-file=${f}/ca.crt`,
      `--token-auth-file=${f}/tokens.csv`,
      "--authorization-mode=RBAC",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${f}/sa.pub`,
      `--service-account-signing-key-file=${f}/sa.key`,
      "--service-cluster-ip-range=10.96.0.0/16",
      "--disable-admission-plugins=ServiceAccount",
      `--audit-policy-file=${f}/audit-policy.json`,
      `--audit-log-path=${f}/audit.log`,
      "--audit-log-mode=blocking-strict",
    ], `${f}/apiserver.log`);
    using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(`${f}/ca.crt`)] });
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
    await this.#api.ready("the API server", () => answers(`${this.facts.url}/readyz`, client, headers));
  }

  /** Kills the API server; etcd keeps running. */
  async stopApiServer(): Promise<void> {
    await this.#api?.[Symbol.asyncDispose]();
    this.#api = undefined;
  }

  /** Ends everything and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopApiServer();
    await this.#etcd?.[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** A fresh namespace on the shared control plane. Dispose what is returned: it ends a control plane that was started for it. */
export async function makeKube(): Promise<Kube & AsyncDisposable> {
  const shared = Deno.env.get(SHARED);
  if (shared) {
    const url = (await Deno.readTextFile(`${shared}/url`)).trim();
    const kube = await namespaceOf({ url, folder: shared });
    return { ...kube, [Symbol.asyncDispose]: () => deleteNetworks(kube) };
  }
  const plane = await ControlPlane.start();
  return { ...await namespaceOf(plane.facts), [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose]() };
}

/** Deletes the networks of a namespace: `check` of other tests lists those of every namespace. */
async function deleteNetworks({ url, folder, namespace, token }: Kube): Promise<void> {
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(`${folder}/ca.crt`)] });
  const path = `/apis/k8s.cni.cncf.io/v1/namespaces/${namespace}/network-attachment-definitions`;
  const headers = { authorization: `Bearer ${token}` };
  const { status, body } = await fetch(`${url}${path}`, { method: "DELETE", headers, client });
  await body?.cancel();
  // 404: no test has created the resource yet
  if (status !== 200 && status !== 404) throw new Error(`Cannot delete the networks of ${namespace}: ${status}`);
}

/** Starts the control plane that test files share, and gives the variable that tells them. */
export async function startShared(): Promise<{ plane: ControlPlane; env: Record<string, string> } & AsyncDisposable> {
  const plane = await ControlPlane.start();
  await Deno.writeTextFile(`${plane.facts.folder}/url`, plane.facts.url);
  const env = { [SHARED]: plane.facts.folder };
  return { plane, env, [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose]() };
}

/** A fresh namespace on a control plane. */
export async function namespaceOf(facts: KubeFacts): Promise<Kube> {
  const { folder } = facts;
  const binaries = await assets("controlPlane");
  const namespace = `test-${crypto.randomUUID().slice(0, 8)}`;
  const kubeconfig = `${folder}/${namespace}.kubeconfig`;
  const config = kubeconfigOf(facts, { token: ADMIN_TOKEN }, namespace);
  await Deno.writeTextFile(kubeconfig, JSON.stringify(config));
  const kubectl = (...args: string[]) => must([`${binaries}/kubectl`, "--kubeconfig", kubeconfig, ...args]);
  await kubectl("create", "namespace", namespace);
  const audit = () => auditOf(`${folder}/audit.log`, namespace);
  const requests = async () =>
    (await audit()).filter(({ objectRef }) => objectRef.apiGroup === "whereabouts.cni.cncf.io")
      .map(({ verb, objectRef }) => `${verb} ${objectRef.resource}`);
  const auditCount = async () => (await audit()).length;
  return { ...facts, kubeconfig, namespace, token: ADMIN_TOKEN, kubectl, requests, auditCount, audit };
}

async function writeKubeconfigs(facts: KubeFacts, binaries: string): Promise<void> {
  const path = `${facts.folder}/admin.kubeconfig`;
  await Deno.writeTextFile(path, JSON.stringify(kubeconfigOf(facts, { token: ADMIN_TOKEN }, "default")));
  const namespaces = () =>
    must([`${binaries}/kubectl`, "--kubeconfig", path, "get", "namespace", "kube-system", "-o", "name"]);
  await eventually("namespace kube-system", () => namespaces().catch(() => ""));
}

/** Applies our custom resources and waits until they are served. */
export async function applyCrds(facts: KubeFacts, binaries: string): Promise<void> {
  const kubectl = (...args: string[]) =>
    must([`${binaries}/kubectl`, "--kubeconfig", `${facts.folder}/admin.kubeconfig`, ...args]);
  await kubectl("apply", "-f", CRDS);
  await kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all");
  for (const kind of ["ippools", "overlappingrangeipreservations", "nodeslicepools"]) {
    await eventually(`resource ${kind}`, () => kubectl("get", kind, "-n", "default").then(() => true, () => false));
  }
}
