/**
 * The part of a scan that handles pool entries.
 *
 * @module
 */
import type { Cidr } from "../address/cidr.ts";
import { mapConcurrently } from "../async/concurrency.ts";
import { type Assignment, type EvidenceRules, judge, reasonOf } from "../pool/evidence.ts";
import { detach, withoutFormer } from "../pool/kept.ts";
import {
  assignmentOf,
  type Detached,
  formerAssignmentOf,
  listedEvidence,
  type Orphan,
  type PoolFacts,
  type Unconfirmed,
} from "../pool/orphans.ts";
import { mayBeNamed } from "../pool/pod_owner.ts";
import { type Entry, formatPoolKey, type PoolKey } from "../pool/types.ts";
import { examine, type Examinee, unread } from "./examine.ts";
import { entryMark } from "./marks.ts";
import { detachSandboxes, freeOrphans } from "./reclaim.ts";
import type { ScanContext, Swept } from "./sweep_types.ts";

/** Entries that are read and then freed in one step. Small, so that evidence is recent when it frees an address. */
const CHUNK = 50;
/** Pools that are swept at the same time. */
const MAX_CONCURRENT_POOLS = 4;

/** The result of the part. */
type Part = Pick<Swept, "orphans" | "detached" | "suspected" | "unconfirmed" | "kept" | "failed" | "failures">;

/** A sandbox that an entry names. */
interface Subject {
  readonly entry: Entry;
  readonly assignment: Assignment;
}

interface Candidate extends Examinee, Subject {}

/**
 * Frees the unused entries, and detaches sandboxes that have ended from those that are kept.
 *
 * @throws the signal's reason once it aborts
 */
export async function sweepEntries(context: ScanContext): Promise<Part> {
  const { open, unconfirmed } = select(context);
  const parts: Part[] = [{ orphans: [], detached: [], suspected: [], unconfirmed, kept: [], failed: [], failures: [] }];
  const sweepPool = async (subjects: readonly Subject[]) => {
    const rules = rulesFor(context, subjects[0]?.entry.key);
    const done: Part[] = [];
    for (const chunk of chunks(subjects, CHUNK)) {
      done.push(await sweepChunk(context, chunk.map((subject) => candidateOf(subject, rules))));
    }
    return done;
  };
  const pools = [...Map.groupBy(open, ({ entry }) => formatPoolKey(entry.key)).values()];
  parts.push(...(await mapConcurrently(pools, MAX_CONCURRENT_POOLS, sweepPool)).flat());
  return {
    orphans: parts.flatMap((part) => part.orphans),
    detached: parts.flatMap((part) => part.detached),
    suspected: parts.flatMap((part) => part.suspected),
    unconfirmed: parts.flatMap((part) => part.unconfirmed),
    kept: parts.flatMap((part) => part.kept),
    failed: parts.flatMap((part) => part.failed),
    failures: parts.flatMap((part) => part.failures),
  };
}

/** The sandboxes of an entry: of a kept one also the former one. */
function subjectsOf(entry: Entry, range: Cidr | undefined): Subject[] {
  return [assignmentOf(entry, range), ...formerAssignmentOf(entry, range)].map((assignment) => ({ entry, assignment }));
}

/** Selects the entries whose evidence must be read directly. A complete list proves which pods run; it does not prove absence. */
function select(context: ScanContext): { readonly open: Subject[]; readonly unconfirmed: Unconfirmed[] } {
  const { pools, scope, listed } = context;
  const subjects = ({ key, allocations }: PoolFacts) => {
    const range = context.pods.wholeRange?.(key);
    return allocations.values().flatMap((allocation) => subjectsOf({ key, allocation }, range));
  };
  if (scope) {
    const isInScope = ({ assignment: { owner } }: Subject) => scope.podRefs.has(owner.podRef);
    return { open: pools.flatMap((pool) => subjects(pool).filter(isInScope).toArray()), unconfirmed: [] };
  }
  const evidenceOf = listedEvidence(listed);
  const open: Subject[] = [];
  const unconfirmed: Unconfirmed[] = [];
  for (const pool of pools) {
    const rules = rulesFor(context, pool.key);
    for (const subject of subjects(pool)) {
      const { entry, assignment: { owner } } = subject;
      const evidence = evidenceOf(owner.podRef);
      const verdict = judge(subject.assignment, evidence, rules);
      if (verdict.kind === "kept") continue;
      const named = evidence.pod.kind === "found" && mayBeNamed(evidence.pod.value, owner);
      // a keeper is always read: it may keep the address of a pod that has finished
      if (verdict.kind === "unconfirmed" && named && !owner.keeper) unconfirmed.push(unconfirmedOf(entry, verdict));
      else open.push(subject);
    }
  }
  return { open, unconfirmed };
}

async function sweepChunk(
  { ipam, pods, suspicions, marks, dryRun, signal }: ScanContext,
  candidates: readonly Candidate[],
): Promise<Part> {
  const { examined, failures } = await examine(ipam, pods, suspicions, candidates, signal);
  const retryLater = (item: Candidate) => {
    suspicions.postpone(item);
    marks.add(item.mark);
  };
  const part = {
    suspected: [] as Orphan[],
    unconfirmed: [] as Unconfirmed[],
    kept: [] as Entry[],
    failed: [] as Entry[],
  };
  const free: { readonly item: Candidate; readonly orphan: Orphan }[] = [];
  const ended: (Detached & { readonly item: Candidate })[] = [];
  for (const { item, verdict, evidence } of examined) {
    const { entry } = item;
    if (verdict.kind === "free") free.push({ item, orphan: { ...entry, reason: verdict.reason } });
    else if (verdict.kind === "detach") {
      ended.push({ item, ...entry, reason: verdict.reason, sandbox: item.assignment.owner });
    } else if (verdict.kind === "suspect" && verdict.detaches) part.kept.push(entry);
    else if (verdict.kind === "suspect") part.suspected.push({ ...entry, reason: reasonOf(verdict.sighting) });
    else if (verdict.kind === "unconfirmed") part.unconfirmed.push(unconfirmedOf(entry, verdict));
    else part.kept.push(entry);
    if (unread(evidence)) part.failed.push(entry);
    if (verdict.kind === "suspect" || unread(evidence)) marks.add(item.mark);
  }
  const detached = dryRun ? { done: ended, failed: [], failures: [] } : await detachSandboxes(ipam, ended, signal);
  for (const one of ended) detached.failed.includes(one) ? retryLater(one.item) : suspicions.clear(one.item);
  const all = {
    ...part,
    detached: detached.done.map(({ item: _, ...one }) => one),
    failed: [...part.failed, ...detached.failed.map(({ item }) => item.entry)],
    failures: [...failures, ...detached.failures],
  };
  const orphans = free.map(({ orphan }) => orphan);
  try {
    const done = dryRun ? orphans : await freeOrphans(ipam, orphans, signal);
    for (const { item } of free) suspicions.clear(item);
    return { ...all, orphans: done };
  } catch (error) {
    signal.throwIfAborted();
    for (const { item } of free) retryLater(item);
    const failed = [...all.failed, ...free.map(({ item }) => item.entry)];
    const suspected = [...all.suspected, ...orphans];
    return { ...all, suspected, failed, orphans: [], failures: [...all.failures, error] };
  }
}

function candidateOf({ entry, assignment }: Subject, rules: EvidenceRules): Candidate {
  const { key, allocation } = entry;
  // the same mark before and after the other sandbox is detached, so that the evidence of each counts on
  const own = assignment.isFormer ? detach(allocation) : withoutFormer(allocation);
  return {
    entry,
    rules,
    assignment,
    mark: entryMark(key, own ?? allocation),
    podRef: assignment.owner.podRef,
    reservations: false,
  };
}

/** The rules for the entries of a pool. */
function rulesFor({ rules, pods }: ScanContext, key: PoolKey | undefined): EvidenceRules {
  return key && pods.verifiesStatus?.(key) === false ? { ...rules, verifyNetworkStatus: false } : rules;
}

function unconfirmedOf(
  { key, allocation }: Entry,
  { why, since }: { readonly why: string; readonly since?: number },
): Unconfirmed {
  return { key, allocation, why, ...(since !== undefined && { since }) };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
