/**
 * Pods, nodes and NetworkAttachmentDefinitions as objects of a real API server, made as a kubelet and Multus would leave them.
 *
 * @module
 */
import type { KubeFacts } from "./kube.ts";
import { ADMIN_TOKEN } from "./kube_files.ts";
import { eventually } from "./process.ts";

const STATUS = "k8s.v1.cni.cncf.io/network-status";
const ATTACHMENTS = "network-attachment-definitions";

/** A pod as it shall look. */
export interface PodLook {
  /** Default `Running`. */
  readonly phase?: string;
  /** Addresses of its second interface, in network-status. Absent: it has no network-status. */
  readonly ips?: readonly string[];
  /** Further annotations. Default: none. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Further members of its spec. Default: none. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** The network of that interface, as its status names it. Default `net`. */
  readonly network?: string;
}

/** Makes and removes objects in one namespace. */
export class Objects implements Disposable {
  readonly #kube: KubeFacts & { readonly namespace: string };
  readonly #client: Deno.HttpClient;
  readonly #nodes = new Set<string>();

  /** As the administrator. */
  constructor(kube: KubeFacts & { readonly namespace: string }) {
    this.#kube = kube;
    this.#client = Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(`${kube.folder}/ca.crt`)], http2: false });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  /** `namespace/name`. */
  ref(pod: string): string {
    return `${this.#kube.namespace}/${pod}`;
  }

  /** Makes a pod. */
  async pod(name: string, { phase = "Running", ips, network, ...more }: PodLook = {}): Promise<void> {
    const annotations = { ...more.annotations, ...(ips && { [STATUS]: statusOf(ips, network) }) };
    const spec = { containers: [{ name: "main", image: "none" }], ...more.spec };
    const metadata = { name, annotations };
    await this.#send("POST", this.#in("pods"), { apiVersion: "v1", kind: "Pod", metadata, spec });
    await this.phase(name, phase);
  }

  /** Lets a pod come to a phase, and its container with it. */
  async phase(name: string, phase: string): Promise<void> {
    const state = STATES[phase];
    const status = { name: "main", image: "none", imageID: "", ready: false, restartCount: 0, state };
    await this.status(name, { phase, ...(state !== undefined && { containerStatuses: [status] }) });
  }

  /** Changes members of a pod's status. */
  async status(name: string, status: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#send("PATCH", `${this.#in("pods")}/${name}/status`, { status });
  }

  /** Lets a pod's network-status tell other addresses. */
  async addresses(name: string, ips: readonly string[]): Promise<void> {
    await this.#send("PATCH", `${this.#in("pods")}/${name}`, {
      metadata: { annotations: { [STATUS]: statusOf(ips) } },
    });
  }

  /** Deletes a pod at once. */
  async deletePod(name: string): Promise<void> {
    await this.#send("DELETE", `${this.#in("pods")}/${name}?gracePeriodSeconds=0`);
  }

  /** Makes a node. */
  async node(name: string, spec: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.#send("POST", "/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name }, spec });
    this.#nodes.add(name);
  }

  /** Deletes a node. */
  async deleteNode(name: string): Promise<void> {
    await this.#send("DELETE", `/api/v1/nodes/${name}`);
    this.#nodes.delete(name);
  }

  /** Makes or replaces the configuration of a NetworkAttachmentDefinition. */
  async attachment(name: string, config: unknown): Promise<void> {
    const spec = { config: typeof config === "string" ? config : JSON.stringify(config) };
    const path = `${this.#in(ATTACHMENTS, "/apis/k8s.cni.cncf.io/v1")}`;
    const object = { apiVersion: "k8s.cni.cncf.io/v1", kind: "NetworkAttachmentDefinition", metadata: { name }, spec };
    if (await this.#send("PATCH", `${path}/${name}`, { spec }, true) === undefined) {
      await this.#send("POST", path, object);
    }
  }

  /** Deletes a NetworkAttachmentDefinition. */
  async deleteAttachment(name: string): Promise<void> {
    await this.#send("DELETE", `${this.#in(ATTACHMENTS, "/apis/k8s.cni.cncf.io/v1")}/${name}`);
  }

  /** Removes what others in the cluster would see: the nodes made here, and this namespace's definitions. */
  async clean(): Promise<void> {
    for (const name of this.#nodes) await this.deleteNode(name);
    await this.#send("DELETE", this.#in(ATTACHMENTS, "/apis/k8s.cni.cncf.io/v1"), undefined, true);
  }

  /** Installs the definition of NetworkAttachmentDefinitions, as the Network Plumbing Working Group has it, and waits for it. */
  async installAttachments(): Promise<void> {
    const schema = {
      type: "object",
      properties: { spec: { type: "object", properties: { config: { type: "string" } } } },
    };
    const crd = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${ATTACHMENTS}.k8s.cni.cncf.io` },
      spec: {
        group: "k8s.cni.cncf.io",
        scope: "Namespaced",
        names: { plural: ATTACHMENTS, singular: "network-attachment-definition", kind: "NetworkAttachmentDefinition" },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    };
    await this.#send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd, true);
    await eventually(
      "NetworkAttachmentDefinitions",
      async () =>
        await this.#send("GET", this.#in(ATTACHMENTS, "/apis/k8s.cni.cncf.io/v1"), undefined, true) !== undefined,
    );
  }

  /** The uid of a pod. */
  async uid(pod: string): Promise<string> {
    const { metadata } = await this.get(`pods/${pod}`) as { readonly metadata: { readonly uid: string } };
    return metadata.uid;
  }

  /** Any object of the namespace, or of the cluster; undefined if it does not exist. */
  get(path: string): Promise<Record<string, unknown> | undefined> {
    return this.#send("GET", path.startsWith("/") ? path : this.#in(path), undefined, true);
  }

  /** `range node` of every slice of a NodeSlicePool; none where there is no such object. */
  async slices(name: string): Promise<string[]> {
    const path = this.#in("nodeslicepools", "/apis/whereabouts.cni.cncf.io/v1alpha1");
    const object = await this.get(`${path}/${name}`) as
      | { status?: { allocations?: readonly { nodeName: string; sliceRange: string }[] } }
      | undefined;
    return (object?.status?.allocations ?? []).map(({ nodeName, sliceRange }) => `${sliceRange} ${nodeName}`.trim());
  }

  /** Reasons of the events in the namespace, with what they concern: `IPPool 10.0.0.0-24 PoolExhausted`. */
  async events(): Promise<string[]> {
    const { items } = await this.get("events") as {
      readonly items: readonly { reason: string; involvedObject: { kind: string; name: string } }[];
    };
    return items.map(({ reason, involvedObject: { kind, name } }) => `${kind} ${name} ${reason}`);
  }

  #in(resource: string, group = "/api/v1"): string {
    return `${group}/namespaces/${this.#kube.namespace}/${resource}`;
  }

  async #send(
    method: string,
    path: string,
    body?: unknown,
    mayFail = false,
  ): Promise<Record<string, unknown> | undefined> {
    const response = await askApi(this.#kube, this.#client, method, path, body);
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    if (mayFail && [404, 409, 429].includes(response.status)) return undefined; // 429: a fresh resource is being set up
    throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 300)}`);
  }
}

/** The state of a pod's container by its phase. */
const STATES: Readonly<Record<string, unknown>> = {
  Running: { running: {} },
  Succeeded: { terminated: { exitCode: 0 } },
  Failed: { terminated: { exitCode: 1 } },
};

/** As Multus writes it: the default network, and one attachment. */
function statusOf(ips: readonly string[], name = "net"): string {
  return JSON.stringify([
    { name: "default", ips: ["10.244.0.1"], default: true },
    { name, interface: "net1", ips },
  ]);
}

/** One request as the administrator. A PATCH is a merge. */
export function askApi(
  { url }: Pick<KubeFacts, "url">,
  client: Deno.HttpClient,
  method: string,
  path: string,
  body?: unknown,
): Promise<Response> {
  return fetch(`${url}${path}`, {
    method,
    client,
    headers: {
      authorization: `Bearer ${ADMIN_TOKEN}`,
      "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}
