/**
 * A cluster with something of everything that the page shows: nearly full and huge pools, leaks, a duplicate, addresses that rest or are kept,
 * node slices without nodes and nodes without slices, and a network that cannot be used.
 *
 * @module
 */
import { openKubernetes } from "../../drivers/kubernetes/driver.ts";
import { parseCidr } from "../../src/address/cidr.ts";
import type { Reuse } from "../../src/pool/reuse.ts";
import type { Allocation, PoolKey } from "../../src/pool/types.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { SILENT } from "../../src/world/log.ts";
import { put } from "../drivers/kubernetes/live.ts";
import type { Kube } from "../support/kube.ts";
import type { TestCluster } from "./cluster.ts";

/** Pods by namespace. Each has addresses of several interfaces. */
const PODS = { shop: 60, telco: 50, db: 20 } as const;
const NODES = 12;

/** An open store with the seed. */
export interface Seed extends AsyncDisposable {
  /** The store. */
  readonly driver: StorageDriver;
  /** Adds an allocation of an existing pod. */
  add(cidr: string, offset: bigint): Promise<void>;
}

/** Fills a cluster. */
export async function seed({ kube, define, objects }: TestCluster): Promise<Seed> {
  const off = { enable_overlapping_ranges: false };
  await define("frontend", { range: "10.20.0.0/23", exclude: ["10.20.0.64/27"], ...off });
  await define("db", { range: "10.30.0.0/26", ...off });
  await define("session", { ipRanges: [{ range: "10.40.0.0/20" }, { range: "fd00:40::/64" }], ...off });
  await define("storage", { range: "10.50.0.0/24", network_name: "storage", reuse_after: "1h", ...off });
  await define("edge", { range: "10.60.0.0/22", node_slice_size: "/26", ...off });
  await define("broken", { range: "10.70.0.0/24", range_start: "10.70.0.300" });
  for (let i = 1; i <= NODES + 1; i++) await objects.node(`worker-${i}`);
  await create(kube, podObjects());
  await putSlices(kube);
  const uid = await kube.kubectl("-n", "db", "get", "statefulset", "pod", "-o", "jsonpath={.metadata.uid}");
  const driver = await openKubernetes({ kind: "kubernetes", kubeconfig: kube.kubeconfig }, {
    world: denoWorld(),
    log: SILENT,
  });
  const signal = AbortSignal.timeout(120_000);
  for (const { key, entries, reuse } of pools(uid)) {
    const changes = entries.map((after) => ({ address: after.address, after }));
    await driver.commit(await driver.read(key, signal), changes, signal, reuse);
  }
  await put(kube, "OverlappingRangeIPReservation", "10.40.4.11", { podref: "telco/pod-1", ifname: "net9" });
  return {
    driver,
    add: async (cidr, offset) => {
      const key = keyOf(cidr);
      const after = entryOf(key, offset, "shop", Number(offset));
      await driver.commit(await driver.read(key, signal), [{ address: after.address, after }], signal);
    },
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
}

function keyOf(cidr: string, more: Partial<PoolKey> = {}): PoolKey {
  const parsed = parseCidr(cidr)?.cidr;
  if (!parsed) throw new RangeError(`Invalid CIDR ${cidr}`);
  return { network: "", cidr: parsed, ...more };
}

function entryOf({ cidr }: PoolKey, offset: bigint, namespace: keyof typeof PODS, i: number): Allocation {
  return {
    address: cidr.base + offset,
    podRef: `${namespace}/pod-${i % PODS[namespace]}`,
    ifName: `net${1 + Math.floor(i / PODS[namespace])}`,
    containerId: i.toString(16).padStart(64, "c0ffee"),
    node: `worker-${1 + i % NODES}`,
  };
}

interface SeedPool {
  readonly key: PoolKey;
  readonly entries: readonly Allocation[];
  readonly reuse?: Reuse;
}

function pools(uid: string): SeedPool[] {
  const many = (key: PoolKey, namespace: keyof typeof PODS, first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, i) => entryOf(key, BigInt(first + i), namespace, first + i));
  const frontend = keyOf("10.20.0.0/23");
  const db = keyOf("10.30.0.0/26");
  const session = keyOf("10.40.0.0/20");
  const part = keyOf("10.40.4.0/24");
  const session6 = keyOf("fd00:40::/64");
  const storage = keyOf("10.50.0.0/24", { network: "storage" });
  const lost = (one: Allocation, i: number) => i % 29 === 7 ? { ...one, podRef: `shop/gone-${i}` } : one;
  const kept = (one: Allocation, i: number): Allocation => {
    if (i >= 6) return one;
    return { ...one, keeper: { kind: "StatefulSet", name: "pod", uid }, containerId: i < 3 ? one.containerId : "" };
  };
  const isAllocated = ({ address }: Allocation) => (address & 255n) !== 0n && address !== part.cidr.base + 11n;
  const since = Date.now() - 600_000;
  const rests = Array.from(
    { length: 14 },
    (_, i) => [storage.cidr.base + BigInt(100 + i), { podRef: `db/old-${i}`, ifName: "net1", since }] as const,
  );
  const slices = Array.from({ length: NODES - 2 }, (_, i) => keyOf(sliceOf(i), { node: `worker-${i + 1}` }));
  return [
    {
      key: frontend,
      entries: [...many(frontend, "shop", 1, 60), ...many(frontend, "shop", 96, 430)].filter(isAllocated).map(lost),
    },
    { key: db, entries: many(db, "db", 1, 60).map(kept) },
    {
      key: session,
      entries: [...many(session, "telco", 1, 255), ...many(session, "telco", 1_025, 2_100)].filter(isAllocated),
    },
    { key: part, entries: [entryOf(part, 10n, "telco", 49), entryOf(part, 11n, "telco", 401)] },
    { key: session6, entries: many(session6, "telco", 1, 250) },
    { key: storage, entries: many(storage, "db", 1, 70), reuse: { after: 3_600_000, rests: new Map(rests) } },
    ...slices.map((key, i) => ({
      key,
      entries: many(key, "shop", 1 + 70 * i, 76 * i).map((one) => ({ ...one, address: one.address - BigInt(70 * i) })),
    })),
  ];
}

function sliceOf(i: number): string {
  return `10.60.${i >> 2}.${(i & 3) * 64}/26`;
}

async function putSlices(kube: Kube): Promise<void> {
  const allocations = Array.from({ length: 16 }, (_, i) => ({
    nodeName: i < NODES - 2 ? `worker-${i + 1}` : i === NODES - 2 ? "worker-retired" : "",
    sliceRange: sliceOf(i),
  }));
  await create(kube, [{
    apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
    kind: "NodeSlicePool",
    metadata: { name: "edge" },
    spec: { range: "10.60.0.0/22", sliceSize: "/26" },
    status: { allocations },
  }]);
}

function podObjects(): unknown[] {
  const namespaces = Object.keys(PODS).map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }));
  const pods = Object.entries(PODS).flatMap(([namespace, count]) =>
    Array.from({ length: count }, (_, i) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { namespace, name: `pod-${i}` },
      spec: { nodeName: `worker-${1 + i % NODES}`, containers: [{ name: "main", image: "none" }] },
    }))
  );
  const labels = { app: "db" };
  const spec = { containers: [{ name: "main", image: "none" }] };
  const statefulSet = {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { namespace: "db", name: "pod" },
    spec: {
      replicas: PODS.db,
      serviceName: "db",
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec },
    },
  };
  return [...namespaces, statefulSet, ...pods];
}

async function create(kube: Kube, items: readonly unknown[]): Promise<void> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
    await kube.kubectl("create", "-f", file);
  } finally {
    await Deno.remove(file);
  }
}
