/**
 * A large cluster, written straight into the etcd of an API server: 100,000 pods with their entries and reservations by requests would take
 * five minutes or more.
 *
 * The API server stores custom resources as JSON, and reads core objects that are stored as JSON.
 *
 * @module
 */
import { annotationsOf, poolName, reservationName } from "../../drivers/kubernetes/names.ts";
import { API_VERSION, encodeEntry, GROUP, reservationSpec } from "../../drivers/kubernetes/resources.ts";
import { formatCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import type { Allocation, PoolKey } from "../../src/pool/types.ts";

/** Entries of each pool, a /24. */
export const PER_POOL = 250;
/** Pods of each node. */
export const PER_NODE = 20;
/** Puts of one transaction (etcd's limit is 128), and bytes of one (its limit is 1.5 MB, and JSON has base64). */
const MAX_PUTS = 100;
const MAX_BYTES = 900_000;
/** Concurrent transactions. */
const AT_ONCE = 4;

/** The address of entry `i`: each pool of 10.0.0.0/8 has {@linkcode PER_POOL}, from its first usable address on. */
export function addressOf(i: number): string {
  return formatIp({ family: 4, value: allocationOf(i, "").address });
}

/** The pod of entry `i`. */
export const podOf = (i: number): string => `pod-${i}`;

function keyOf(pool: number): PoolKey {
  return { network: "", cidr: { family: 4, base: 0x0a000000n + BigInt(pool) * 256n, prefix: 24 } };
}

function allocationOf(i: number, namespace: string): Allocation {
  const hex = i.toString(16);
  return {
    address: keyOf(Math.floor(i / PER_POOL)).cidr.base + BigInt(i % PER_POOL + 1),
    podRef: `${namespace}/${podOf(i)}`,
    ifName: "net1",
    containerId: hex.padStart(64, "a"),
    node: `node-${Math.floor(i / PER_NODE)}`,
    uid: `00000000-0000-4000-8000-${hex.padStart(12, "0")}`,
  };
}

/** Writes the pods, entries and reservations from `from` to `to`, both multiples of {@linkcode PER_POOL}, with their networks and nodes. */
export async function store(etcd: string, namespace: string, from: number, to: number): Promise<void> {
  const writers = Array.from({ length: AT_ONCE }, () => new Writer(etcd));
  for (let pool = from / PER_POOL; pool < to / PER_POOL; pool++) {
    for (const [key, value] of poolObjects(namespace, pool)) await writers[pool % AT_ONCE]?.put(key, value);
  }
  for (const writer of writers) await writer.flush();
}

/** A pool, its network, and what belongs to its entries. */
function* poolObjects(namespace: string, pool: number): Generator<readonly [key: string, value: unknown]> {
  const key = keyOf(pool);
  const range = formatCidr(key.cidr);
  const config = { cniVersion: "1.0.0", name: `net-${pool}`, type: "macvlan", ipam: { type: "whereabouts", range } };
  yield [
    `/registry/k8s.cni.cncf.io/network-attachment-definitions/${namespace}/net-${pool}`,
    {
      apiVersion: "k8s.cni.cncf.io/v1",
      kind: "NetworkAttachmentDefinition",
      metadata: metadataOf(`net-${pool}`, namespace),
      spec: { config: JSON.stringify(config) },
    },
  ];
  const numbers = Array.from({ length: PER_POOL }, (_, i) => pool * PER_POOL + i);
  const entries = numbers.map((i) => [String(i % PER_POOL + 1), encodeEntry(allocationOf(i, namespace))]);
  yield [
    `/registry/${GROUP}/ippools/${namespace}/${poolName(key)}`,
    {
      apiVersion: API_VERSION,
      kind: "IPPool",
      metadata: { ...metadataOf(poolName(key), namespace), annotations: annotationsOf(key) },
      spec: { range, allocations: Object.fromEntries(entries) },
    },
  ];
  for (const i of numbers) {
    const allocation = allocationOf(i, namespace);
    const name = reservationName("", { family: 4, value: allocation.address });
    yield [
      `/registry/${GROUP}/overlappingrangeipreservations/${namespace}/${name}`,
      {
        apiVersion: API_VERSION,
        kind: "OverlappingRangeIPReservation",
        metadata: {
          ...metadataOf(name, namespace),
          annotations: annotationsOf({ network: "", ...(allocation.node && { node: allocation.node }) }),
        },
        spec: reservationSpec(allocation),
      },
    ];
    yield [`/registry/pods/${namespace}/${podOf(i)}`, podObject(namespace, i, allocation)];
    if (i % PER_NODE === 0) yield [`/registry/minions/${allocation.node}`, nodeObject(allocation.node ?? "")];
  }
}

function metadataOf(name: string, namespace?: string, uid: string = crypto.randomUUID()) {
  return { name, ...(namespace !== undefined && { namespace }), uid, generation: 1, creationTimestamp: CREATED };
}

const CREATED = "2026-01-01T00:00:00Z";

function nodeObject(name: string): unknown {
  const status = { conditions: [{ type: "Ready", status: "True", lastHeartbeatTime: CREATED }] };
  return { apiVersion: "v1", kind: "Node", metadata: metadataOf(name), spec: {}, status };
}

/** A pod of about the size of real ones. */
function podObject(namespace: string, i: number, { address, node, uid }: Allocation): unknown {
  const ip = formatIp({ family: 4, value: address });
  const networks = JSON.stringify([
    { name: "cluster", interface: "eth0", ips: ["10.244.0.5"], default: true, dns: {} },
    { name: `${namespace}/net-${Math.floor(i / PER_POOL)}`, interface: "net1", ips: [ip], mac: "0a:58:0a:f4:00:05" },
  ]);
  const env = Array.from({ length: 10 }, (_, n) => ({ name: `SETTING_${n}`, value: "x".repeat(40) }));
  const container = {
    image: "registry.example.com/team/app:1.2.3",
    env,
    args: ["--port", "8080"],
    resources: { requests: { cpu: "100m", memory: "128Mi" } },
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: "IfNotPresent",
  };
  const running = { state: { running: { startedAt: CREATED } }, ready: true, started: true, restartCount: 0 };
  const seen = { image: container.image, imageID: container.image, lastState: {}, ...running };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadataOf(podOf(i), namespace, uid),
      labels: { app: "app", "pod-template-hash": "5d8c9f7b6c" },
      annotations: { "k8s.v1.cni.cncf.io/networks": "net", "k8s.v1.cni.cncf.io/network-status": networks },
    },
    spec: {
      nodeName: node,
      containers: ["main", "side"].map((name) => ({ name, ...container })),
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      securityContext: {},
      schedulerName: "default-scheduler",
    },
    status: {
      phase: "Running",
      podIP: "10.244.0.5",
      podIPs: [{ ip: "10.244.0.5" }],
      startTime: CREATED,
      conditions: ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .map((type) => ({ type, status: "True", lastTransitionTime: CREATED })),
      containerStatuses: ["main", "side"].map((name) => ({ name, containerID: `containerd://${name}`, ...seen })),
    },
  };
}

/** Puts objects in transactions. The transaction before the last one has been answered when it sends one. */
class Writer {
  readonly #url: string;
  #puts: { readonly requestPut: { readonly key: string; readonly value: string } }[] = [];
  #bytes = 0;
  #sent: Promise<void> = Promise.resolve();

  constructor(etcd: string) {
    this.#url = `${etcd}/v3/kv/txn`;
  }

  async put(key: string, object: unknown): Promise<void> {
    const value = btoa(JSON.stringify(object));
    if (this.#puts.length >= MAX_PUTS || this.#bytes + value.length > MAX_BYTES) await this.#send();
    this.#puts.push({ requestPut: { key: btoa(key), value } });
    this.#bytes += value.length;
  }

  async flush(): Promise<void> {
    await this.#send();
    await this.#sent;
  }

  async #send(): Promise<void> {
    const body = JSON.stringify({ success: this.#puts });
    this.#puts = [];
    this.#bytes = 0;
    await this.#sent;
    this.#sent = fetch(this.#url, { method: "POST", body }).then(async (response) => {
      const text = await response.text();
      if (!response.ok) throw new Error(`etcd answered a transaction with ${response.status}: ${text.slice(0, 300)}`);
    });
  }
}
