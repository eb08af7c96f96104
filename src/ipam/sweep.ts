/**
 * Freeing what nobody uses.
 *
 * A look lists what is stored, reads the evidence about every owner that a list does not show alive, and frees what the evidence allows
 * (`pool/evidence.ts`). What takes two looks is remembered, and looked at again when it is due. A look that fails is no evidence.
 *
 * @module
 */
import { type EvidenceRules, RECHECK_GRACE } from "../pool/evidence.ts";
import { duplicateFinding } from "../pool/duplicates.ts";
import type { Finding } from "../pool/finding.ts";
import type { Entry } from "../pool/types.ts";
import { retry } from "../storage/retry.ts";
import { startDeadline } from "../async/deadline.ts";
import { LEAST_GRACE } from "./graces.ts";
import type { Ipam } from "./ipam.ts";
import { findFaults, FindingMemory, withoutMended } from "./sweep_findings.ts";
import { sweepEntries } from "./sweep_entries.ts";
import { sweepReservations } from "./sweep_reservations.ts";
import { duplicateMark, entryMark, reservationMark } from "./marks.ts";
import { type Scope, Suspicions } from "./suspicions.ts";
import type { Pods, SweepOptions, SweepRules, Swept } from "./sweep_types.ts";

export type * from "./sweep_types.ts";

/** Milliseconds that one look may take. */
export const LOOK_LIMIT = 300_000;
/** What becomes due within these milliseconds is looked at together. */
const TOGETHER = 1_000;

/** Looks, and what they remember. */
export class Sweeps {
  readonly #ipam: Ipam;
  readonly #pods: Pods;
  readonly #dryRun: boolean;
  readonly #rules: EvidenceRules;
  readonly #suspicions: Suspicions;
  readonly #findings: FindingMemory;

  /** Looks at nothing yet. @throws {RangeError} the grace period is too short */
  constructor(ipam: Ipam, { pods, dryRun, grace, deadNodeGrace }: SweepRules) {
    if (grace !== undefined && !(grace >= LEAST_GRACE)) {
      throw new RangeError(`Cannot sweep with a grace period of ${grace} ms: expected at least ${LEAST_GRACE}`);
    }
    this.#ipam = ipam;
    this.#pods = pods;
    this.#dryRun = dryRun;
    this.#rules = { ...(grace !== undefined && { grace }), ...(deadNodeGrace !== undefined && { deadNodeGrace }) };
    this.#suspicions = new Suspicions(ipam.clock);
    this.#findings = new FindingMemory(ipam.clock);
  }

  /** Milliseconds until something is to be looked at again; undefined where nothing is. */
  get next(): number | undefined {
    return this.#suspicions.next;
  }

  /** Milliseconds until everything that is to be looked at again is due; undefined where nothing is. */
  get last(): number | undefined {
    return this.#suspicions.last;
  }

  /** How many records are to be looked at again. */
  get suspects(): number {
    return this.#suspicions.size;
  }

  /** What the last whole look found for the first time, and may be under way. */
  get open(): readonly Finding[] {
    return this.#findings.open;
  }

  /** What is to be looked at now. */
  due(): Scope {
    return this.#suspicions.due(TOGETHER);
  }

  /**
   * Looks once, and frees what may be freed.
   *
   * @param scope Default: everything
   * @throws what a list threw: nothing was freed then; the signal's reason once it aborts
   */
  async look(signal: AbortSignal, scope?: Scope): Promise<Swept> {
    const late = new Error(`The sweep took longer than ${LOOK_LIMIT / 1_000} s`);
    using limit = startDeadline(this.#ipam.clock, LOOK_LIMIT, late, signal);
    return await this.#look(limit.signal, scope);
  }

  /** Reservations first, pods last: a pod that is created meanwhile is seen with its entry, and an entry with its reservation. */
  async #look(signal: AbortSignal, scope: Scope | undefined): Promise<Swept> {
    const ipam = this.#ipam;
    const [pods, rules, dryRun] = [this.#pods, this.#rules, this.#dryRun];
    const { overlaps } = ipam.driver;
    const reservations = overlaps && (!scope || scope.reservations) ? await overlaps.list(undefined, signal) : [];
    const pools = await ipam.driver.list(signal);
    const listed = scope ? [] : await retry(pods.list, ipam.clock, signal);
    const marks = new Set<string>();
    const suspicions = this.#suspicions;
    const context = { ipam, pods, rules, dryRun, suspicions, scope, listed, pools, marks, signal };
    const entries = await sweepEntries(context);
    const others = await sweepReservations(context, reservations);
    suspicions.forgetOthers(marks, scope);
    const failures = [...entries.failures, ...others.failures];
    if (!scope) {
      const faults = await findFaults(context, reservations, { ...entries, ...others });
      this.#findings.look(faults.found, graceOf(rules));
      failures.push(...faults.failures);
    }
    return { ...entries, ...others, failures, pools, findings: this.#findings.settled };
  }
}

/**
 * Makes one sweep over every pool of the store, and waits until all evidence has lasted as long as it must.
 *
 * @throws {RangeError} the grace period is too short
 * @throws what a look threw; the signal's reason once it aborts
 */
export async function sweep(ipam: Ipam, options: SweepOptions): Promise<Swept> {
  const { signal, waiting, grace } = options;
  const sweeps = new Sweeps(ipam, options);
  let swept = await sweeps.look(signal);
  const begun = ipam.clock.monotonic();
  // what a later look sees otherwise than the second begins anew: that is left to the next sweep
  const last = () => ipam.clock.monotonic() + (sweeps.last ?? 0) + TOGETHER;
  let until = last();
  let looks = 1;
  for (let next = sweeps.next; next !== undefined && ipam.clock.monotonic() + next <= until; next = sweeps.next) {
    waiting?.(next, sweeps.suspects);
    await ipam.clock.sleep(Math.ceil(next), signal);
    swept = joined(swept, await sweeps.look(signal, sweeps.due()));
    // by the second, nodes have renewed their Leases, and the time that their pods have begins
    if (++looks === 2 && grace === undefined) until = Math.max(until, last());
  }
  // an orphan has evidence of its own, and the report lists it as suspected
  const open = withoutMended(sweeps.open, swept).filter(({ kind }) => kind !== "orphan");
  if (open.length === 0) return withDuplicates(swept);
  const rest = begun + graceOf(options) - ipam.clock.monotonic();
  if (rest > 0) waiting?.(rest, open.length);
  await ipam.clock.sleep(Math.max(0, Math.ceil(rest)), signal);
  return withDuplicates(joined(swept, await sweeps.look(signal)));
}

/** Duplicates take a second look of their own, which need not be a whole one. */
function withDuplicates(swept: Swept): Swept {
  const known = new Set(swept.findings.map(({ message }) => message));
  const found = swept.duplicates.map(duplicateFinding).filter(({ message }) => !known.has(message));
  return { ...swept, findings: [...swept.findings, ...found] };
}

/** Milliseconds that what needs no evidence but a second look must last. */
function graceOf({ grace = RECHECK_GRACE }: EvidenceRules): number {
  return grace;
}

/** A dry run sees again at a later look what it did not free at an earlier one. */
function joined(first: Swept, second: Swept): Swept {
  const entryKey = ({ key, allocation }: Entry) => entryMark(key, allocation);
  const distinct = <T>(
    items: readonly T[],
    mark: (item: T) => string,
  ) => [...new Map(items.map((item) => [mark(item), item])).values()];
  const freed = new Set(second.orphans.map(entryKey));
  const left = <T extends Entry>(items: readonly T[]) =>
    distinct(items, entryKey).filter((one) => !freed.has(entryKey(one)));
  return {
    orphans: distinct([...first.orphans, ...second.orphans], entryKey),
    suspected: left([...first.suspected, ...second.suspected]),
    reservations: distinct(
      [...first.reservations, ...second.reservations],
      ({ reservation }) => reservationMark(reservation),
    ),
    reserved: distinct([...first.reserved, ...second.reserved], entryKey),
    restored: distinct([...first.restored, ...second.restored], entryKey),
    duplicates: distinct([...first.duplicates, ...second.duplicates], duplicateMark),
    unconfirmed: left([...first.unconfirmed, ...second.unconfirmed]),
    kept: left([...first.kept, ...second.kept]),
    failed: second.failed,
    failures: [...first.failures, ...second.failures],
    pools: second.pools,
    findings: second.findings,
  };
}
