/**
 * A cluster in use: pods, their allocations and reservations, and nodes, created in bulk.
 *
 * @module
 */
import type { KubeFacts } from "../support/kube.ts";
import { askApi } from "../support/objects.ts";

/** Max concurrent requests. */
const AT_ONCE = 24;

/** The size of a cluster. */
export interface Size {
  /** Pods, each with an allocation. */
  readonly pods: number;
  /** Pools with those allocations. */
  readonly pools: number;
}

/** The address of a pod. */
export function addressOf(
  pod: number,
  { pods, pools }: Size,
): { readonly pool: number; readonly ip: string; readonly offset: number } {
  const each = Math.ceil(pods / pools);
  const offset = pod % each + 1;
  const pool = Math.floor(pod / each);
  return { pool, offset, ip: `10.${pool + 1}.${offset >> 8}.${offset & 255}` };
}

/** Creates objects in one namespace. */
export class Crowd implements Disposable {
  readonly #kube: KubeFacts & { readonly namespace: string };
  readonly #client: Deno.HttpClient;

  /** As the administrator. */
  constructor(kube: KubeFacts & { readonly namespace: string }) {
    this.#kube = kube;
    this.#client = Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(`${kube.folder}/ca.crt`)] });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  /** Creates pools, reservations and running pods. */
  async settle(size: Size): Promise<void> {
    const { namespace } = this.#kube;
    const ours = `/apis/whereabouts.cni.cncf.io/v1alpha1/namespaces/${namespace}`;
    const numbers = Array.from({ length: size.pods }, (_, i) => i);
    const id = (i: number) => i.toString(16).padStart(64, "0");
    const byPool = Map.groupBy(numbers, (i) => addressOf(i, size).pool);
    for (const [pool, members] of byPool) {
      const entries = members.map((i) => [
        addressOf(i, size).offset,
        { id: id(i), podref: `${namespace}/pod-${i}`, ifname: "net1" },
      ]);
      const spec = { range: `10.${pool + 1}.0.0/16`, allocations: Object.fromEntries(entries) };
      const metadata = { name: `10.${pool + 1}.0.0-16` };
      const body = { apiVersion: "whereabouts.cni.cncf.io/v1alpha1", kind: "IPPool", metadata, spec };
      await this.#send("POST", `${ours}/ippools`, body);
    }
    await inBulk(numbers, async (i) => {
      const spec = { containerid: id(i), podref: `${namespace}/pod-${i}`, ifname: "net1" };
      const metadata = { name: addressOf(i, size).ip };
      const kind = "OverlappingRangeIPReservation";
      await this.#send("POST", `${ours}/overlappingrangeipreservations`, {
        apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
        kind,
        metadata,
        spec,
      });
      await this.#pod(i, addressOf(i, size).ip);
    });
  }

  /** Deletes pods. */
  async evict(pods: readonly number[]): Promise<void> {
    await inBulk(
      pods,
      (i) => this.#send("DELETE", `/api/v1/namespaces/${this.#kube.namespace}/pods/pod-${i}?gracePeriodSeconds=0`),
    );
  }

  /** Creates nodes. */
  async join(names: readonly string[]): Promise<void> {
    await inBulk(
      names,
      (name) => this.#send("POST", "/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name } }),
    );
  }

  /** Deletes nodes. */
  async leave(names: readonly string[]): Promise<void> {
    await inBulk(names, (name) => this.#send("DELETE", `/api/v1/nodes/${name}`));
  }

  /** A pod of about the size of real ones. */
  async #pod(i: number, ip: string): Promise<void> {
    const path = `/api/v1/namespaces/${this.#kube.namespace}/pods`;
    const status = JSON.stringify([
      { name: "cluster", interface: "eth0", ips: ["10.244.0.5"], default: true, dns: {} },
      { name: "default/net", interface: "net1", ips: [ip], mac: "0a:58:0a:f4:00:05", dns: {} },
    ]);
    const env = Array.from({ length: 20 }, (_, n) => ({ name: `SETTING_${n}`, value: "x".repeat(40) }));
    const container = { name: "main", image: "registry.example.com/team/app:1.2.3", env, args: ["--port", "8080"] };
    const metadata = {
      name: `pod-${i}`,
      labels: { app: "app", "pod-template-hash": "5d8c9f7b6c" },
      annotations: { "k8s.v1.cni.cncf.io/networks": "default/net", "k8s.v1.cni.cncf.io/network-status": status },
    };
    const spec = { nodeName: `bench-node-${i % 100}`, containers: [container, { ...container, name: "side" }] };
    await this.#send("POST", path, { apiVersion: "v1", kind: "Pod", metadata, spec });
    const running = { status: { phase: "Running", podIP: "10.244.0.5", podIPs: [{ ip: "10.244.0.5" }] } };
    await this.#send("PATCH", `${path}/pod-${i}/status`, running);
  }

  async #send(method: string, path: string, body?: unknown): Promise<void> {
    const response = await askApi(this.#kube, this.#client, method, path, body);
    const text = await response.text();
    if (response.status === 429) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      return await this.#send(method, path, body);
    }
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 300)}`);
  }
}

async function inBulk<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
