/**
 * Records that one scan found unused, until a later scan decides. Kept in memory only: a restarted process starts with a first scan.
 *
 * @module
 */
import type { Earlier, Sighting } from "../pool/evidence.ts";
import type { Clock } from "../storage/retry.ts";

/** A record under suspicion. */
export interface Suspect {
  /** Identifies the record in its exact state: a changed record has another mark. */
  readonly mark: string;
  /** Its pod. */
  readonly podRef: string;
  /** Whether reservations must be listed to check it again. */
  readonly reservations: boolean;
}

interface Suspicion extends Suspect {
  readonly sighting: Sighting | undefined;
  readonly since: number;
  readonly due: number;
}

/** The records that a scan covers. */
export interface Scope {
  /** Their pods. */
  readonly podRefs: ReadonlySet<string>;
  /** Whether reservations are scanned too. */
  readonly reservations: boolean;
}

/** Milliseconds until a failed read is repeated. */
const REREAD_DELAY = 30_000;

/** The current suspicions. */
export class Suspicions {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #all = new Map<string, Suspicion>();

  /** Starts empty. */
  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** The first sighting of a suspect; undefined if it has none. */
  earlier({ mark }: Suspect): Earlier | undefined {
    const known = this.#all.get(mark);
    return known?.sighting && { sighting: known.sighting, ago: this.#clock.monotonic() - known.since };
  }

  /** Records a sighting. If it is the earlier one, the grace period counts from then. */
  note(suspect: Suspect, sighting: Sighting, grace: number): void {
    const known = this.#all.get(suspect.mark);
    const since = known?.sighting === sighting ? known.since : this.#clock.monotonic();
    this.#all.set(suspect.mark, { ...suspect, sighting, since, due: since + grace });
  }

  /** Delays a suspect that could not be read. Its earlier sighting still counts. */
  postpone({ mark }: Suspect): void {
    const known = this.#all.get(mark);
    if (known) this.#all.set(mark, { ...known, due: this.#clock.monotonic() + REREAD_DELAY });
  }

  /** Whether a suspect that needs only a second scan was seen at least `grace` milliseconds ago. The first call records it. */
  seenBefore(suspect: Suspect, grace: number): boolean {
    const known = this.#all.get(suspect.mark);
    if (known) {
      const seen = this.#clock.monotonic() - known.since >= grace;
      if (seen) this.#all.set(suspect.mark, { ...known, due: Infinity }); // seen twice: no further scan is due for it
      return seen;
    }
    const since = this.#clock.monotonic();
    this.#all.set(suspect.mark, { ...suspect, sighting: undefined, since, due: since + grace });
    return false;
  }

  /** Removes a suspect. */
  clear({ mark }: Suspect): void {
    this.#all.delete(mark);
  }

  /** Removes suspects that a scan of the scope did not find again. */
  forgetOthers(marks: ReadonlySet<string>, scope: Scope | undefined): void {
    for (const { mark, podRef, reservations } of [...this.#all.values()]) {
      const isCovered = !scope || (scope.podRefs.has(podRef) && (scope.reservations || !reservations));
      if (isCovered && !marks.has(mark)) this.#all.delete(mark);
    }
  }

  /** The number of suspects. */
  get size(): number {
    return this.#all.size;
  }

  /** Milliseconds until the next suspect is due, at least 0; undefined without suspects. */
  get next(): number | undefined {
    const first = [...this.#all.values()].reduce((min, { due }) => Math.min(min, due), Infinity);
    return first === Infinity ? undefined : Math.max(0, first - this.#clock.monotonic());
  }

  /** Milliseconds until all suspects are due, at least 0; undefined without suspects. */
  get last(): number | undefined {
    const times = [...this.#all.values()].map(({ due }) => due).filter(Number.isFinite);
    const last = times.reduce((max, due) => Math.max(max, due), -Infinity);
    return last === -Infinity ? undefined : Math.max(0, last - this.#clock.monotonic());
  }

  /** The suspects that are due within the milliseconds. */
  due(within: number): Scope {
    const until = this.#clock.monotonic() + within;
    const due = [...this.#all.values()].filter((one) => one.due <= until);
    return {
      podRefs: new Set(due.map(({ podRef }) => podRef)),
      reservations: due.some(({ reservations }) => reservations),
    };
  }
}
