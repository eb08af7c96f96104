/**
 * Judges owners by current evidence and by earlier sightings.
 *
 * @module
 */
import { type Assignment, type Evidence, type EvidenceRules, judge, type Verdict } from "../pool/evidence.ts";
import type { Ipam } from "./ipam.ts";
import type { Suspect, Suspicions } from "./suspicions.ts";
import { EvidenceReader, type Witness } from "./witness.ts";

/** A record to judge. */
export interface Examinee extends Suspect {
  /** The address and its owner. */
  readonly assignment: Assignment;
  /** The rules that apply to it. */
  readonly rules: EvidenceRules;
}

/** A judged record. */
export interface Examined<T extends Examinee> {
  /** The record. */
  readonly item: T;
  /** The evidence that was read. */
  readonly evidence: Evidence;
  /** The conclusion. */
  readonly verdict: Verdict;
}

/**
 * Reads the evidence about records and judges them. Remembers suspects, and forgets those that are cleared.
 *
 * @returns also the errors of failed reads
 * @throws the signal's reason once it aborts
 */
export async function examine<T extends Examinee>(
  { clock }: Pick<Ipam, "clock">,
  witness: Witness,
  suspicions: Suspicions,
  items: readonly T[],
  signal: AbortSignal,
): Promise<{ readonly examined: readonly Examined<T>[]; readonly failures: readonly unknown[] }> {
  const reader = new EvidenceReader(witness, clock, signal);
  const first = await reader.evidence(items.map(({ assignment }) => assignment));
  const judged = items.map((item, i): Examined<T> => judgeOne(item, first[i] ?? NOTHING, suspicions));
  // there are many ResourceClaims, and few pods have any: they are read only if nothing else keeps the address
  const open = judged.filter(({ verdict }) => verdict.kind !== "kept" && verdict.kind !== "unconfirmed");
  const more = await reader.withClaims(open.map(({ item }) => item.assignment), open.map(({ evidence }) => evidence));
  const again = new Map(open.map(({ item }, i) => [item, judgeOne(item, more[i] ?? NOTHING, suspicions)]));
  const examined = judged.map((one) => again.get(one.item) ?? one);
  for (const { item, verdict, evidence } of examined) {
    if (verdict.kind === "suspect") suspicions.note(item, verdict.sighting, verdict.wait);
    else if (unread(evidence)) suspicions.postpone(item);
    else if (verdict.kind !== "free" && verdict.kind !== "detach") suspicions.clear(item);
  }
  return { examined, failures: reader.failures };
}

const NOTHING: Evidence = { pod: { kind: "unread", why: "it was not read" }, claims: { kind: "absent" } };

function judgeOne<T extends Examinee>(item: T, evidence: Evidence, suspicions: Suspicions): Examined<T> {
  return { item, evidence, verdict: judge(item.assignment, evidence, item.rules, suspicions.earlier(item)) };
}

/** Whether a part of the evidence could not be read; a later scan may succeed. */
export function unread({ pod, node, claims, keeper }: Evidence): boolean {
  return [pod, node, claims, keeper].some((reading) => reading?.kind === "unread");
}
