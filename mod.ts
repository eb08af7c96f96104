/**
 * Whereabouts as a library: the allocator that the CNI plugin runs, on any of its stores.
 *
 * Open a pool by the URL of its store with {@linkcode openPool}. Or load a network configuration, open its store, then allocate and release
 * addresses. Importing this module loads no client library; opening a store loads its driver.
 *
 * @example Allocate an address, and list the free ones
 * ```ts
 * import { openPool } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * await using pool = await openPool(":memory:", "10.0.0.0/24");
 * assert.equal(await pool.allocate("default/web-0"), "10.0.0.1");
 * assert.deepEqual((await pool.free()).take(2).toArray(), ["10.0.0.2", "10.0.0.3"]);
 * ```
 *
 * @example Allocate an address to two pods as the plugin does, and release one
 * ```ts
 * import { allocate, denoWorld, formatIp, loadConfig, openStore, release } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const world = denoWorld();
 * const { config } = await loadConfig(world, {
 *   conf: { name: "lab", ipam: { type: "whereabouts", datastore: "embedded", database: ":memory:", range: "10.0.0.0/24" } },
 * });
 * await using store = await openStore(config, { world });
 * const signal = AbortSignal.timeout(10_000);
 *
 * const web = { podRef: "default/web-0", ifName: "net1", containerId: "9f1c" };
 * const [first] = await allocate(store, config, web, signal);
 * assert.equal(first && formatIp(first.ip), "10.0.0.1");
 *
 * const db = { podRef: "default/db-0", ifName: "net1", containerId: "77aa" };
 * const [second] = await allocate(store, config, db, signal);
 * assert.equal(second && formatIp(second.ip), "10.0.0.2");
 *
 * const released = await release(store, config, web, signal);
 * assert.deepEqual(released.map(formatIp), ["10.0.0.1"]);
 * ```
 *
 * @example List the addresses of all pods
 * ```ts
 * import { addressOf, denoWorld, formatIp, loadConfig, openStore } from "@whereabouts/whereabouts";
 *
 * const world = denoWorld();
 * const conf = { name: "lab", ipam: { type: "whereabouts", datastore: "embedded", database: ":memory:" } };
 * const { config } = await loadConfig(world, { conf, purpose: "store" });
 * await using store = await openStore(config, { world });
 * for (const { key, allocations } of await store.driver.list(AbortSignal.timeout(10_000))) {
 *   for (const allocation of allocations.values()) {
 *     console.log(formatIp(addressOf({ key, allocation })), allocation.podRef);
 *   }
 * }
 * ```
 *
 * @module
 */
export { type Cidr, formatCidr, type Interval, type IpInCidr, parseCidr } from "./src/address/cidr.ts";
export { compareIp, type Family, formatIp, type Ip, parseIp, type ParseOptions } from "./src/address/ip.ts";
export { type BlockGrid, type BlockOrder, capacity, type IpRange, type Order } from "./src/address/range.ts";
export {
  addressOf,
  type Allocation,
  type Allocations,
  type Change,
  type Entry,
  formatPoolKey,
  type Keeper,
  type Owner,
  ownsReservation,
  type PodSandbox,
  type PoolKey,
} from "./src/pool/types.ts";
export { networksOf } from "./src/config/conflist.ts";
export type { Document } from "./src/config/document.ts";
export { type ConfigLayer, readFlatFile } from "./src/config/files.ts";
export { loadConfig, type LoadInput, NotWhereaboutsError } from "./src/config/load.ts";
export {
  ConfigError,
  type Datastore,
  type Dns,
  type IpamConfig,
  type KubernetesClient,
  type Loaded,
  NoStoreError,
  type Purpose,
  type RangesAllocation,
  RequestRefusedError,
  type Route,
  type StaticAddress,
} from "./src/config/types.ts";
export * from "./src/storage/mod.ts";
export { allocate, type AllocateOptions, type Assigned } from "./src/ipam/allocate.ts";
export { AddressUnavailableError, NoSliceError, NotAllocatedError, PoolExhaustedError } from "./src/ipam/errors.ts";
export type { RecordedEntry } from "./src/ipam/recorded.ts";
export {
  type Commit,
  type CommitOptions,
  directIpam,
  type Ipam,
  type OnSnapshot,
  type OpenIpam,
  poolOf,
  poolsOf,
} from "./src/ipam/ipam.ts";
export type { ElasticSlices, SliceUser, TryPool } from "./src/ipam/elastic_slices.ts";
export type { BlocksByCidr, KnownBlocks } from "./src/ipam/known_blocks.ts";
export type { ListedPools } from "./src/ipam/listed_pools.ts";
export type { AllocatingPool } from "./src/ipam/moved.ts";
export type { ReservedAddresses } from "./src/ipam/reserved.ts";
export type {
  AllocateOutcome,
  AllocateRequest,
  DropRequest,
  KnownSandbox,
  Outcome,
  PoolRequest,
  ReleaseOutcome,
  ReleaseRequest,
  RestoreOutcome,
  RestoreRequest,
  RevertRequest,
} from "./src/pool/requests.ts";
export type { Clock } from "./src/storage/retry.ts";
export { release, type Sandbox } from "./src/ipam/release.ts";
export { verify } from "./src/ipam/verify.ts";
export { MIN_GRACE, parseGraces } from "./src/ipam/graces.ts";
export {
  type NetworkRules,
  type Pods,
  type Reserved,
  type StrayReservation,
  sweep,
  type SweepOptions,
  type SweepRules,
  Sweeps,
  type Swept,
} from "./src/ipam/sweep.ts";
export { type Seen, type SweepReport, sweepReport } from "./src/ipam/sweep_report.ts";
export type { FindPod, Witness } from "./src/ipam/witness.ts";
export type { Scope } from "./src/ipam/suspicions.ts";
export {
  type Assignment,
  DEAD_NODE_GRACE,
  type Earlier,
  type Evidence,
  type EvidenceRules,
  type FreeReason,
  judge,
  type KeeperReason,
  RECHECK_GRACE,
  REMOVAL_GRACE,
  type Sighting,
  UNKNOWN_GRACE,
  type Verdict,
} from "./src/pool/evidence.ts";
export type { Duplicate } from "./src/pool/duplicates.ts";
export type { PersistentNetwork } from "./src/pool/original.ts";
export type { Detached, Orphan, PoolFacts, Unconfirmed } from "./src/pool/orphans.ts";
export type {
  ContainersState,
  InterfaceStatus,
  KeeperFacts,
  NodeState,
  PodFacts,
  Reading,
} from "./src/pool/pod_facts.ts";
export { type NetworkWarning, podsOfFile, type PodsSource } from "./src/controllers/pods_source.ts";
export { findingEvents } from "./src/controllers/finding_events.ts";
export type {
  ClaimObjects,
  ClusterAccess,
  ClusterEvent,
  NodeFacts,
  PoolStatusObjects,
  Regarding,
} from "./src/controllers/cluster.ts";
export type { SliceFindingKind, SliceList, SliceRecords } from "./src/pool/slice_findings.ts";
export type { PoolStatus } from "./src/pool/pool_status.ts";
export type { ClaimFacts, ClaimStatus } from "./src/pool/claim_status.ts";
export type { Condition } from "./src/pool/condition.ts";
export {
  type Finding,
  type FindingKind,
  type KindFacts,
  KINDS,
  type Severity,
  type Subject,
} from "./src/pool/finding.ts";
export type { ConfiguredFacts } from "./src/pool/findings.ts";
export { inspect, type Inspected } from "./src/ipam/inspect.ts";
export { openPods } from "./drivers/cluster.ts";
export { command } from "./drivers/command.ts";
export { datastoreOf, openPool, type StoreOptions } from "./drivers/pool.ts";
export { type CallOptions, Pool, type PoolEntry } from "./src/ipam/pool.ts";
export { loadDriver, openStore } from "./drivers/mod.ts";
export {
  type AppendLog,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFields,
  type LogFormat,
  type Logger,
  type LogLevel,
  type LogOptions,
  makeLogger,
  SILENT,
} from "./src/world/log.ts";
export { denoWorld } from "./src/world/deno.ts";
export type { FilePurpose, Lock, World } from "./src/world/world.ts";
export { VERSION } from "./src/version.ts";
