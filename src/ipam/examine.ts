/**
 * Judging owners by what is read of them now, and by what was seen of them before.
 *
 * @module
 */
import { type Assignment, type Evidence, type EvidenceRules, judge, type Verdict } from "../pool/evidence.ts";
import type { Ipam } from "./ipam.ts";
import type { Suspect, Suspicions } from "./suspicions.ts";
import { Look, type Witness } from "./witness.ts";

/** An owner to be judged. */
export interface Examinee extends Suspect {
  /** The address and its owner. */
  readonly assignment: Assignment;
  /** What counts for it. */
  readonly rules: EvidenceRules;
}

/** An owner that was judged. */
export interface Examined<T extends Examinee> {
  /** The owner. */
  readonly item: T;
  /** What was read. */
  readonly evidence: Evidence;
  /** What it comes to. */
  readonly verdict: Verdict;
}

/**
 * Reads the evidence about owners and judges them. Suspects are remembered, those that are none any more are forgotten.
 *
 * @returns also what could not be read
 * @throws the signal's reason once it aborts
 */
export async function examine<T extends Examinee>(
  { clock }: Pick<Ipam, "clock">,
  witness: Witness,
  suspicions: Suspicions,
  items: readonly T[],
  signal: AbortSignal,
): Promise<{ readonly examined: readonly Examined<T>[]; readonly failures: readonly unknown[] }> {
  const look = new Look(witness, clock, signal);
  const first = await look.evidence(items.map(({ assignment }) => assignment));
  const judged = items.map((item, i): Examined<T> => judgeOne(item, first[i] ?? NOTHING, suspicions));
  // ResourceClaims are many, and few pods have any: they are read where nothing else keeps the address
  const open = judged.filter(({ verdict }) => verdict.kind === "suspect" || verdict.kind === "free");
  const more = await look.withClaims(open.map(({ item }) => item.assignment), open.map(({ evidence }) => evidence));
  const again = new Map(open.map(({ item }, i) => [item, judgeOne(item, more[i] ?? NOTHING, suspicions)]));
  const examined = judged.map((one) => again.get(one.item) ?? one);
  for (const { item, verdict, evidence } of examined) {
    if (verdict.kind === "suspect") suspicions.note(item, verdict.sighting, verdict.wait);
    else if (unread(evidence)) suspicions.postpone(item);
    else if (verdict.kind !== "free") suspicions.clear(item);
  }
  return { examined, failures: look.failures };
}

const NOTHING: Evidence = { pod: { kind: "unread", why: "it was not read" }, claims: { kind: "absent" } };

function judgeOne<T extends Examinee>(item: T, evidence: Evidence, suspicions: Suspicions): Examined<T> {
  return { item, evidence, verdict: judge(item.assignment, evidence, item.rules, suspicions.earlier(item)) };
}

/** Whether something could not be read: it may be another time. */
export function unread({ pod, node, claims }: Evidence): boolean {
  return [pod, node, claims].some((reading) => reading?.kind === "unread");
}
