/**
 * Judges whether an installation is healthy, from what its cluster and its store report. Pure.
 *
 * @module
 */
import { LEASE_SECONDS } from "../controllers/cluster.ts";
import type { Component, Leader } from "../controllers/installation.ts";
import { type FindingKind, KINDS, SEVERITY_RANKS } from "../pool/finding.ts";
import { isNearlyFull } from "../pool/pool_status.ts";

/** Something that was read, or why it could not be. */
export type Read<T> = { readonly value: T } | { readonly why: string };

/** How much of a pool is in use. */
export interface PoolFill {
  /** Its name. */
  readonly pool: string;
  /** Addresses allocated. */
  readonly used: number;
  /** Addresses that can be allocated. */
  readonly capacity: bigint;
  /** Addresses that are free. */
  readonly free: bigint;
}

/** What a cluster reports. */
export interface ClusterFacts {
  /** Our workloads and those of the original. */
  readonly components: Read<readonly Component[]>;
  /** Number of nodes. */
  readonly nodes: Read<number>;
  /** Leader of the controller. */
  readonly leader: Read<Leader | undefined>;
  /** Served versions of each of our resources. Absent: another store than that of the cluster. */
  readonly resources?: Read<ReadonlyMap<string, readonly string[]>>;
}

/** What is judged. */
export interface StatusFacts {
  /** The store in words. */
  readonly where: string;
  /** The namespace of its objects. Absent if it has none. */
  readonly namespace?: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Its pools. */
  readonly pools: readonly PoolFill[];
  /** Why the store has no pools in use, one sentence; absent if it has some. */
  readonly empty?: { readonly message: string; readonly suspicious: boolean };
  /** The kind of each finding of a check. */
  readonly findings: Read<readonly FindingKind[]>;
  /** Number of allocations that are kept for lack of evidence. */
  readonly unconfirmed: number;
  /** Absent without a cluster. */
  readonly cluster?: ClusterFacts;
}

/** `unknown`: it could not be read. */
export type State = "ok" | "degraded" | "unknown";

/** One line of a status. */
export interface Part {
  /** What it is about: one word. */
  readonly part: string;
  /** Its state. */
  readonly state: State;
  /** What was found. */
  readonly details: string;
  /** The next command. Absent if it is ok. */
  readonly next?: string;
}

/** A leader that has not renewed its Lease for so many periods is reported: clocks of nodes differ. */
const STALE_PERIODS = 4;
/** Pools that are named in a line; JSON has all. */
const NAMED_POOLS = 5;

/** Judges every part. */
export function partsOf(facts: StatusFacts): Part[] {
  const { cluster } = facts;
  return [
    storeOf(facts),
    ...(cluster ? clusterParts(cluster, facts.now) : []),
    poolsOf(facts.pools),
    findingsOf(facts),
  ];
}

/** The state of the whole: degraded if a part is, else unknown if a part is. */
export function worstOf(parts: readonly Part[]): State {
  return (["degraded", "unknown"] as const).find((state) => parts.some((part) => part.state === state)) ?? "ok";
}

/** The pools without a free address, and those with fewer than 5 % free, fullest first. */
export function fullPools(
  pools: readonly PoolFill[],
): { readonly full: readonly PoolFill[]; readonly nearlyFull: readonly PoolFill[] } {
  const some = pools.filter(({ capacity }) => capacity > 0n);
  return {
    full: some.filter(({ free }) => free === 0n),
    nearlyFull: some.filter((pool) => pool.free > 0n && isNearlyFull(pool))
      .toSorted((a, b) => a.free * b.capacity < b.free * a.capacity ? -1 : 1),
  };
}

/** Counts of findings by kind, conflicts first. */
export function countKinds(findings: readonly FindingKind[]): ReadonlyMap<FindingKind, number> {
  const counts = new Map<FindingKind, number>();
  for (const kind of findings) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const rank = (kind: FindingKind) => SEVERITY_RANKS[KINDS[kind].severity];
  return new Map([...counts].toSorted(([a], [b]) => rank(a) - rank(b)));
}

/** A store without pools may be a new one. It is not if others have pools, or if our programs use another namespace. */
function storeOf({ where, namespace, empty, cluster }: StatusFacts): Part {
  const part = "store";
  if (!empty) return { part, state: "ok", details: where };
  const components = cluster && "value" in cluster.components ? cluster.components.value : [];
  const own = components.filter(({ role }) => role !== "original");
  const other = own.some((one) => one.namespace === namespace) ? undefined : own[0];
  if (other) {
    const details = `${empty.message}; ${nameOf(other)} is in another namespace`;
    return { part, state: "degraded", details, next: `Add --namespace ${other.namespace}` };
  }
  if (!empty.suspicious) return { part, state: "ok", details: empty.message };
  return { part, state: "degraded", details: empty.message, next: "Select the namespace with --namespace" };
}

function clusterParts({ components, nodes, leader, resources }: ClusterFacts, now: number): Part[] {
  const crds = resources ? [crdsOf(resources)] : [];
  if ("why" in components) {
    const next = "Ask for the right to list daemonsets, deployments and cronjobs";
    return [...crds, { part: "programs", state: "unknown", details: components.why, next }];
  }
  const all = components.value;
  const controllers = all.filter(({ role }) => role === "controller");
  return [
    ...crds,
    ...agentsOf(all.filter(({ role }) => role === "agent"), nodes),
    ...controllersOf(controllers, all.filter(({ role }) => role === "reconciler")),
    ...(controllers.length > 0 ? [leaderOf(leader, now)] : []),
    originalOf(all.filter(({ role }) => role === "original")),
  ];
}

function crdsOf(resources: Read<ReadonlyMap<string, readonly string[]>>): Part {
  const part = "crds";
  if ("why" in resources) return { part, state: "unknown", details: resources.why };
  const served = [...resources.value];
  const missing = served.filter(([, versions]) => versions.length === 0).map(([name]) => name);
  const details = served.map(([name, versions]) => `${name} ${versions.join(", ") || "missing"}`).join("; ");
  const next = "kubectl apply -f install/manifests/crds";
  return missing.length === 0 ? { part, state: "ok", details } : { part, state: "degraded", details, next };
}

function agentsOf(agents: readonly Component[], nodes: Read<number>): Part[] {
  const part = "agent";
  if (agents.length === 0) {
    return [{ part, state: "degraded", details: "DaemonSet not found", next: "Install it: docs/INSTALL.md" }];
  }
  const on = "value" in nodes ? ` on ${count(nodes.value, "node")}` : "";
  return agents.map((one) => rolloutOf(part, one, on));
}

function controllersOf(controllers: readonly Component[], reconcilers: readonly Component[]): Part[] {
  const part = "controller";
  if (controllers.length > 0) return controllers.map((one) => rolloutOf(part, one, ""));
  const sweeping = reconcilers.filter(({ suspended }) => !suspended);
  if (sweeping.length > 0) {
    const details = sweeping.map((one) => `${nameOf(one)} sweeps instead, ${one.image}`).join("; ");
    return [{ part, state: "ok", details }];
  }
  const details = "Deployment not found: addresses of deleted nodes and lost DELs are not freed";
  return [{ part, state: "degraded", details, next: "Install it: docs/INSTALL.md" }];
}

function rolloutOf(part: string, one: Component, on: string): Part {
  const { desired, ready, updated, namespace, kind, name, image } = one;
  const rollout = updated < desired ? `, ${updated} of ${desired} updated` : "";
  const details = `${nameOf(one)}: ${ready} of ${desired} ready${on}${rollout}, ${image}`;
  if (desired > 0 && ready >= desired && rollout === "") return { part, state: "ok", details };
  const next = `kubectl -n ${namespace} describe ${kind.toLowerCase()} ${name}`;
  return { part, state: "degraded", details, next };
}

function leaderOf(leader: Read<Leader | undefined>, now: number): Part {
  const part = "leader";
  if ("why" in leader) return { part, state: "unknown", details: leader.why };
  const next = "Read the log of the controller: kubectl logs";
  if (!leader.value) return { part, state: "degraded", details: "Lease not found: no controller has led", next };
  const { namespace, name, holder, renewed } = leader.value;
  if (holder === "") {
    return { part, state: "degraded", details: `No controller leads (Lease ${namespace}/${name})`, next };
  }
  const seconds = renewed === undefined ? undefined : Math.max(0, Math.round((now - renewed) / 1_000));
  const stale = seconds === undefined || seconds > LEASE_SECONDS * STALE_PERIODS;
  const age = seconds === undefined ? "never renewed" : `renewed ${seconds} s ago`;
  const details = `${holder}, ${age} (Lease ${namespace}/${name})`;
  return stale ? { part, state: "degraded", details, next } : { part, state: "ok", details };
}

function originalOf(originals: readonly Component[]): Part {
  const part = "original";
  if (originals.length === 0) return { part, state: "ok", details: "not found" };
  const details = originals.map((one) => `${nameOf(one)}, ${one.image}`).join("; ");
  return { part, state: "degraded", details, next: "Finish the migration: docs/MIGRATION.md" };
}

function poolsOf(pools: readonly PoolFill[]): Part {
  const part = "pools";
  const { full, nearlyFull } = fullPools(pools);
  const used = pools.reduce((sum, one) => sum + one.used, 0);
  const total = `${count(pools.length, "pool")}, ${count(used, "address", "es")} in use`;
  if (full.length + nearlyFull.length === 0) return { part, state: "ok", details: total };
  const named = [...full, ...nearlyFull];
  const list = named.slice(0, NAMED_POOLS).map(({ pool, used, capacity }) => `${pool} (${used} of ${capacity})`);
  const more = named.length > NAMED_POOLS ? `, and ${named.length - NAMED_POOLS} more` : "";
  const details = `${total}; ${full.length} full, ${nearlyFull.length} nearly full: ${list.join(", ")}${more}`;
  return { part, state: "degraded", details, next: "Widen the range, or delete pods: whereabouts show POOL" };
}

function findingsOf({ findings, unconfirmed }: StatusFacts): Part {
  const part = "findings";
  if ("why" in findings) return { part, state: "unknown", details: findings.why };
  const kept = unconfirmed > 0 ? `; ${count(unconfirmed, "allocation")} kept for lack of evidence` : "";
  const counts = [...countKinds(findings.value)].map(([kind, number]) => `${number} ${kind}`);
  if (counts.length === 0) return { part, state: "ok", details: `none${kept}` };
  return { part, state: "degraded", details: `${counts.join(", ")}${kept}`, next: "whereabouts check" };
}

function nameOf({ kind, namespace, name }: Component): string {
  return `${kind} ${namespace}/${name}`;
}

function count(number: number, noun: string, plural = "s"): string {
  return `${number} ${noun}${number === 1 ? "" : plural}`;
}
