/**
 * The part of a scan that handles pool entries.
 *
 * @module
 */
import { mapConcurrently } from "../async/concurrency.ts";
import { type EvidenceRules, judge, reasonOf } from "../pool/evidence.ts";
import { assignmentOf, entriesOf, listedEvidence, type Orphan, type Unconfirmed } from "../pool/orphans.ts";
import { mayBeNamed } from "../pool/pod_owner.ts";
import { type Entry, formatPoolKey, type PoolKey } from "../pool/types.ts";
import { examine, type Examinee, unread } from "./examine.ts";
import { entryMark } from "./marks.ts";
import { freeOrphans } from "./reclaim.ts";
import type { ScanContext, Swept } from "./sweep_types.ts";

/** Entries that are read and then freed in one step. Small, so that evidence is recent when it frees an address. */
const CHUNK = 50;
/** Pools that are swept at the same time. */
const MAX_CONCURRENT_POOLS = 4;

/** The result of the part. */
type Part = Pick<Swept, "orphans" | "suspected" | "unconfirmed" | "kept" | "failed" | "failures">;

interface Candidate extends Examinee {
  readonly entry: Entry;
}

/**
 * Frees the unused entries.
 *
 * @throws the signal's reason once it aborts
 */
export async function sweepEntries(context: ScanContext): Promise<Part> {
  const { open, unconfirmed } = select(context);
  const parts: Part[] = [{ orphans: [], suspected: [], unconfirmed, kept: [], failed: [], failures: [] }];
  const sweepPool = async (entries: readonly Entry[]) => {
    const rules = rulesFor(context, entries[0]?.key);
    const done: Part[] = [];
    for (const chunk of chunks(entries, CHUNK)) {
      done.push(await sweepChunk(context, chunk.map((entry) => candidateOf(context, entry, rules))));
    }
    return done;
  };
  const pools = [...Map.groupBy(open, ({ key }) => formatPoolKey(key)).values()];
  parts.push(...(await mapConcurrently(pools, MAX_CONCURRENT_POOLS, sweepPool)).flat());
  return {
    orphans: parts.flatMap((part) => part.orphans),
    suspected: parts.flatMap((part) => part.suspected),
    unconfirmed: parts.flatMap((part) => part.unconfirmed),
    kept: parts.flatMap((part) => part.kept),
    failed: parts.flatMap((part) => part.failed),
    failures: parts.flatMap((part) => part.failures),
  };
}

/** Selects the entries whose evidence must be read directly. A complete list proves which pods run; it does not prove absence. */
function select(context: ScanContext): { readonly open: Entry[]; readonly unconfirmed: Unconfirmed[] } {
  const { pools, scope, listed } = context;
  if (scope) {
    return { open: entriesOf(pools).filter(({ allocation }) => scope.podRefs.has(allocation.podRef)), unconfirmed: [] };
  }
  const evidenceOf = listedEvidence(listed);
  const open: Entry[] = [];
  const unconfirmed: Unconfirmed[] = [];
  for (const pool of pools) {
    const rules = rulesFor(context, pool.key);
    const range = context.pods.wholeRange?.(pool.key);
    for (const entry of entriesOf([pool])) {
      const evidence = evidenceOf(entry.allocation.podRef);
      const verdict = judge(assignmentOf(entry, range), evidence, rules);
      if (verdict.kind === "kept") continue;
      const named = evidence.pod.kind === "found" && mayBeNamed(evidence.pod.value, entry.allocation);
      // a keeper is always read: it may keep the address of a pod that has finished
      if (verdict.kind === "unconfirmed" && named && !entry.allocation.keeper) {
        unconfirmed.push(unconfirmedOf(entry, verdict));
      } else open.push(entry);
    }
  }
  return { open, unconfirmed };
}

async function sweepChunk(
  { ipam, pods, suspicions, marks, dryRun, signal }: ScanContext,
  candidates: readonly Candidate[],
): Promise<Part> {
  const { examined, failures } = await examine(ipam, pods, suspicions, candidates, signal);
  const part = {
    suspected: [] as Orphan[],
    unconfirmed: [] as Unconfirmed[],
    kept: [] as Entry[],
    failed: [] as Entry[],
  };
  const free: { readonly item: Candidate; readonly orphan: Orphan }[] = [];
  for (const { item, verdict, evidence } of examined) {
    const { entry } = item;
    if (verdict.kind === "free") free.push({ item, orphan: { ...entry, reason: verdict.reason } });
    else if (verdict.kind === "suspect") part.suspected.push({ ...entry, reason: reasonOf(verdict.sighting) });
    else if (verdict.kind === "unconfirmed") part.unconfirmed.push(unconfirmedOf(entry, verdict));
    else part.kept.push(entry);
    if (unread(evidence)) part.failed.push(entry);
    if (verdict.kind === "suspect" || unread(evidence)) marks.add(item.mark);
  }
  const orphans = free.map(({ orphan }) => orphan);
  try {
    const done = dryRun ? orphans : await freeOrphans(ipam, orphans, signal);
    for (const { item } of free) suspicions.clear(item);
    return { ...part, orphans: done, failures };
  } catch (error) {
    signal.throwIfAborted();
    for (const { item } of free) {
      suspicions.postpone(item);
      marks.add(item.mark);
    }
    const failed = [...part.failed, ...free.map(({ item }) => item.entry)];
    const suspected = [...part.suspected, ...orphans];
    return { ...part, suspected, failed, orphans: [], failures: [...failures, error] };
  }
}

function candidateOf({ pods }: ScanContext, entry: Entry, rules: EvidenceRules): Candidate {
  const { key, allocation } = entry;
  return {
    entry,
    rules,
    assignment: assignmentOf(entry, pods.wholeRange?.(key)),
    mark: entryMark(key, allocation),
    podRef: allocation.podRef,
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
