/**
 * What one look took for unused, until a second look decides: in memory, for a process that dies looks twice again.
 *
 * @module
 */
import type { Earlier, Sighting } from "../pool/evidence.ts";
import type { Clock } from "../storage/retry.ts";

/** What a suspicion is about. */
export interface Suspect {
  /** The record exactly as it was seen: any change of it makes another one. */
  readonly mark: string;
  /** Its pod. */
  readonly podRef: string;
  /** Whether reservations must be listed to look again. */
  readonly reservations: boolean;
}

interface Suspicion extends Suspect {
  readonly sighting: Sighting | undefined;
  readonly since: number;
  readonly due: number;
}

/** Which records a look is about. */
export interface Scope {
  /** Their pods. */
  readonly podRefs: ReadonlySet<string>;
  /** Whether reservations are looked at too. */
  readonly reservations: boolean;
}

/** Milliseconds until what could not be read is read again. */
const READ_AGAIN = 30_000;

/** What is suspected now. */
export class Suspicions {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #all = new Map<string, Suspicion>();

  /** Starts with none. */
  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** What made it a suspect. */
  earlier({ mark }: Suspect): Earlier | undefined {
    const known = this.#all.get(mark);
    return known?.sighting && { sighting: known.sighting, ago: this.#clock.monotonic() - known.since };
  }

  /** It was seen so. Where the sighting is that of before, it counts from then. */
  note(suspect: Suspect, sighting: Sighting, wait: number): void {
    const known = this.#all.get(suspect.mark);
    const since = known?.sighting === sighting ? known.since : this.#clock.monotonic();
    this.#all.set(suspect.mark, { ...suspect, sighting, since, due: since + wait });
  }

  /** It could not be read. What was seen of it before still counts. */
  postpone({ mark }: Suspect): void {
    const known = this.#all.get(mark);
    if (known) this.#all.set(mark, { ...known, due: this.#clock.monotonic() + READ_AGAIN });
  }

  /** Whether something that needs no evidence but a second look was seen before, so many milliseconds ago; else it is from now on. */
  seenBefore(suspect: Suspect, wait: number): boolean {
    const known = this.#all.get(suspect.mark);
    if (known) {
      const seen = this.#clock.monotonic() - known.since >= wait;
      if (seen) this.#all.set(suspect.mark, { ...known, due: Infinity }); // it has been seen twice: nothing waits for a third time
      return seen;
    }
    const since = this.#clock.monotonic();
    this.#all.set(suspect.mark, { ...suspect, sighting: undefined, since, due: since + wait });
    return false;
  }

  /** It is no suspect. */
  clear({ mark }: Suspect): void {
    this.#all.delete(mark);
  }

  /** Forgets what a look within the scope did not find any more. */
  forgetOthers(marks: ReadonlySet<string>, scope: Scope | undefined): void {
    for (const { mark, podRef, reservations } of [...this.#all.values()]) {
      const looked = !scope || (scope.podRefs.has(podRef) && (scope.reservations || !reservations));
      if (looked && !marks.has(mark)) this.#all.delete(mark);
    }
  }

  /** How many. */
  get size(): number {
    return this.#all.size;
  }

  /** Milliseconds until the next one is due, not below 0; undefined where there is none. */
  get next(): number | undefined {
    const first = [...this.#all.values()].reduce((least, { due }) => Math.min(least, due), Infinity);
    return first === Infinity ? undefined : Math.max(0, first - this.#clock.monotonic());
  }

  /** Milliseconds until all of them are due; undefined where there is none. */
  get last(): number | undefined {
    const times = [...this.#all.values()].map(({ due }) => due).filter(Number.isFinite);
    const last = times.reduce((most, due) => Math.max(most, due), -Infinity);
    return last === -Infinity ? undefined : Math.max(0, last - this.#clock.monotonic());
  }

  /** Those that are due within the milliseconds. */
  due(within: number): Scope {
    const until = this.#clock.monotonic() + within;
    const due = [...this.#all.values()].filter((one) => one.due <= until);
    return {
      podRefs: new Set(due.map(({ podRef }) => podRef)),
      reservations: due.some(({ reservations }) => reservations),
    };
  }
}
