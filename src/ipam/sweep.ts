/**
 * Frees addresses that no pod uses.
 *
 * A scan lists the store, reads the evidence about every owner that the list of pods does not show alive, and frees what the evidence allows
 * (`pool/evidence.ts`). A record that takes two scans is remembered and scanned again when it is due. A failed scan is no evidence.
 *
 * @module
 */
import { type EvidenceRules, RECHECK_GRACE } from "../pool/evidence.ts";
import { duplicateFinding } from "../pool/duplicates.ts";
import type { Finding } from "../pool/finding.ts";
import type { Entry } from "../pool/types.ts";
import { retry } from "../storage/retry.ts";
import { startDeadline } from "../async/deadline.ts";
import { MIN_GRACE } from "./graces.ts";
import type { Ipam } from "./ipam.ts";
import { readStore } from "./read_store.ts";
import { findFaults, FindingMemory, withoutRepaired } from "./sweep_findings.ts";
import { sweepEntries } from "./sweep_entries.ts";
import { sweepReservations } from "./sweep_reservations.ts";
import { duplicateMark, entryMark, reservationMark } from "./marks.ts";
import { type Scope, Suspicions } from "./suspicions.ts";
import type { Pods, SweepOptions, SweepRules, Swept } from "./sweep_types.ts";

export type * from "./sweep_types.ts";

/** Milliseconds that one scan may take. */
const SCAN_TIMEOUT = 300_000;
/** One scan covers everything that becomes due within these milliseconds. */
const DUE_WINDOW = 1_000;

/**
 * Scans, and their memory.
 *
 * @example
 * ```ts
 * import { datastoreOf, denoWorld, openStore, podsOfFile, Sweeps } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const world = denoWorld();
 * await using store = await openStore({ datastore: await datastoreOf(":memory:") }, { world });
 * const file = await Deno.makeTempFile();
 * await Deno.writeTextFile(file, "default/web-0\n");
 * await using pods = podsOfFile(world, file);
 *
 * const sweeps = new Sweeps(store, { pods, dryRun: true, grace: 30_000 });
 * const { orphans } = await sweeps.scan(AbortSignal.timeout(10_000));
 * assert.deepEqual([orphans, sweeps.next], [[], undefined]); // nothing to free, nothing to scan again
 * ```
 */
export class Sweeps {
  readonly #ipam: Ipam;
  readonly #pods: Pods;
  readonly #dryRun: boolean;
  readonly #rules: EvidenceRules;
  readonly #suspicions: Suspicions;
  readonly #findings: FindingMemory;
  readonly #onListed: (() => void) | undefined;

  /** Does not scan yet. @throws {RangeError} the grace period is too short */
  constructor(ipam: Ipam, { pods, dryRun, grace, deadNodeGrace, onListed }: SweepRules) {
    if (grace !== undefined && !(grace >= MIN_GRACE)) {
      throw new RangeError(`Cannot sweep with a grace period of ${grace} ms: expected at least ${MIN_GRACE}`);
    }
    this.#ipam = ipam;
    this.#pods = pods;
    this.#dryRun = dryRun;
    this.#rules = { ...(grace !== undefined && { grace }), ...(deadNodeGrace !== undefined && { deadNodeGrace }) };
    this.#suspicions = new Suspicions(ipam.clock);
    this.#findings = new FindingMemory(ipam.clock);
    this.#onListed = onListed;
  }

  /** Milliseconds until the next record is due for another scan; undefined if none is. */
  get next(): number | undefined {
    return this.#suspicions.next;
  }

  /** Milliseconds until all suspects are due for another scan; undefined without suspects. */
  get last(): number | undefined {
    return this.#suspicions.last;
  }

  /** The number of records to scan again. */
  get suspects(): number {
    return this.#suspicions.size;
  }

  /** Findings of the last full scan that are new and may be calls in progress. */
  get open(): readonly Finding[] {
    return this.#findings.open;
  }

  /** The records that are due now. */
  due(): Scope {
    return this.#suspicions.due(DUE_WINDOW);
  }

  /**
   * Scans once, and frees what may be freed.
   *
   * @param scope Default: everything
   * @throws the error of a list: nothing was freed; the signal's reason once it aborts
   */
  async scan(signal: AbortSignal, scope?: Scope): Promise<Swept> {
    const timedOut = new Error(`The sweep took longer than ${SCAN_TIMEOUT / 1_000} s`);
    using deadline = startDeadline(this.#ipam.clock, SCAN_TIMEOUT, timedOut, signal);
    return await this.#scan(deadline.signal, scope);
  }

  /** Reads reservations first and pods last: every listed reservation of a concurrent ADD then has its entry, and every entry its pod. */
  async #scan(signal: AbortSignal, scope: Scope | undefined): Promise<Swept> {
    const ipam = this.#ipam;
    const [pods, rules, dryRun] = [this.#pods, this.#rules, this.#dryRun];
    const store = !scope || scope.reservations ? ipam.driver.reservations : undefined;
    const { reservations, pools, unreadable } = await readStore(ipam.driver, store, signal, this.#onListed);
    const listed = scope ? [] : await retry(pods.list, ipam.clock, signal);
    const marks = new Set<string>();
    const suspicions = this.#suspicions;
    const context = { ipam, pods, rules, dryRun, suspicions, scope, listed, pools, unreadable, marks, signal };
    const entries = await sweepEntries(context);
    const others = await sweepReservations(context, reservations);
    suspicions.forgetOthers(marks, scope);
    const failures = [...entries.failures, ...others.failures];
    if (!scope) {
      const faults = await findFaults(context, reservations, { ...entries, ...others });
      this.#findings.record(faults.found, graceOf(rules));
      failures.push(...faults.failures);
    }
    return { ...entries, ...others, failures, pools, findings: this.#findings.settled };
  }
}

/**
 * Sweeps every pool of the store, and waits until all evidence has lasted as long as it must.
 *
 * @throws {RangeError} the grace period is too short
 * @throws the error of a scan; the signal's reason once it aborts
 *
 * @example
 * ```ts
 * import { datastoreOf, denoWorld, openStore, podsOfFile, sweep, sweepReport } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const world = denoWorld();
 * await using store = await openStore({ datastore: await datastoreOf(":memory:") }, { world });
 * const file = await Deno.makeTempFile();
 * await Deno.writeTextFile(file, "default/web-0\n");
 * await using pods = podsOfFile(world, file);
 *
 * const swept = await sweep(store, { pods, dryRun: true, signal: AbortSignal.timeout(600_000) });
 * assert.deepEqual(sweepReport(swept, true).freed, []);
 * ```
 */
export async function sweep(ipam: Ipam, options: SweepOptions): Promise<Swept> {
  const { signal, waiting, grace } = options;
  const sweeps = new Sweeps(ipam, options);
  let swept = await sweeps.scan(signal);
  const start = ipam.clock.monotonic();
  // an observation that changes after the second scan starts a new wait, which is left to the next sweep
  const last = () => ipam.clock.monotonic() + (sweeps.last ?? 0) + DUE_WINDOW;
  let until = last();
  let scans = 1;
  for (let next = sweeps.next; next !== undefined && ipam.clock.monotonic() + next <= until; next = sweeps.next) {
    waiting?.(next, sweeps.suspects);
    await ipam.clock.sleep(Math.ceil(next), signal);
    swept = joined(swept, await sweeps.scan(signal, sweeps.due()));
    // by the second scan nodes have renewed their Leases, which starts the grace period of their pods
    if (++scans === 2 && grace === undefined) until = Math.max(until, last());
  }
  // orphans have their own evidence, and the report lists them as suspected
  const open = withoutRepaired(sweeps.open, swept).filter(({ kind }) => kind !== "orphan" && kind !== "keeper-gone");
  if (open.length === 0) return withDuplicates(swept);
  const remaining = start + graceOf(options) - ipam.clock.monotonic();
  if (remaining > 0) waiting?.(remaining, open.length);
  await ipam.clock.sleep(Math.max(0, Math.ceil(remaining)), signal);
  return withDuplicates(joined(swept, await sweeps.scan(signal)));
}

/** Adds duplicates, which are confirmed by a second scan of any scope. */
function withDuplicates(swept: Swept): Swept {
  const known = new Set(swept.findings.map(({ message }) => message));
  const found = swept.duplicates.map(duplicateFinding).filter(({ message }) => !known.has(message));
  return { ...swept, findings: [...swept.findings, ...found] };
}

/** Milliseconds for which findings and duplicates, which need no other evidence, must last. */
function graceOf({ grace = RECHECK_GRACE }: EvidenceRules): number {
  return grace;
}

/** Joins results of two scans. In a dry run both contain the records that the first one would have freed. */
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
    detached: distinct([...first.detached, ...second.detached], (one) => `${entryKey(one)} ${one.sandbox.containerId}`),
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
