/**
 * What must hold for the networks of a simulated cluster that set `reuse_after` or `order`. The checks compare each state of a pool's object
 * with the one before.
 *
 * A decision is made after the last change of the pool that it commits on, and before its commit. So an address is surely free if its rest
 * was over at that last change.
 *
 * @module
 */
import assert from "node:assert/strict";
import { formatIp, parseIp } from "../../../src/address/ip.ts";
import { parseCidr } from "../../../src/address/cidr.ts";
import type { Network } from "../runtime.ts";
import type { ApiObject, ApiObjects } from "./objects.ts";
import type { PodSandbox } from "./pod.ts";
import { reservationName } from "./promises.ts";

/** Simulated milliseconds after which no call remembers a reservation any more: more than the deadline of an ADD. */
const FORGOTTEN = 120_000;

/** A rest, as recorded with the release. */
interface Rest {
  readonly podRef: string;
  readonly at: number;
}

/** An address of a network. */
interface Place {
  owner: string | undefined;
  containerId: string | undefined;
  /** Every sandbox that had it: an entry of one of them is restored, not allocated. */
  readonly had: Set<string>;
  /** Since when it has no entry. */
  freeSince: number;
  /** When it was reserved last. */
  reservedAt: number;
  /** The rest that began with the last release. It stays while the address is allocated: a rolled back allocation continues it. */
  rest: Rest | undefined;
  /** The first allocation after the release by a node whose clock is right. */
  correctedAt: number | undefined;
}

/** A change of one address. */
interface Allocated {
  readonly place: Place;
  readonly index: number;
  readonly podRef: string;
  readonly containerId: string;
}

/** The pool of one network. */
interface Watched {
  readonly network: Network;
  readonly pool: string;
  readonly places: readonly Place[];
  readonly addresses: readonly string[];
  readonly after: number | undefined;
  version: string | undefined;
  changedAt: number;
  last: number | undefined;
}

/** Checks the pools of the networks with these settings. */
export class ReuseChecks {
  readonly #objects: ApiObjects;
  readonly #watched: readonly Watched[];
  readonly #now: () => number;
  readonly #isAhead: boolean;
  readonly #refused: { readonly watched: Watched; readonly containerId: string; readonly start: number }[] = [];

  /** Starts with empty pools. @param isAhead whether the clock of a node is ahead: then rests may be shorter */
  constructor(objects: ApiObjects, networks: readonly Network[], now: () => number, isAhead: boolean) {
    this.#objects = objects;
    this.#now = now;
    this.#isAhead = isAhead;
    this.#watched = networks.filter(({ ipam }) => ipam.reuse_after !== undefined || ipam.order !== undefined)
      .map((network) => watch(network));
  }

  /** Compares every pool with its last state. */
  check(sandboxes: readonly PodSandbox[]): void {
    for (const watched of this.#watched) {
      this.#reserved(watched);
      const object = this.#objects.get("ippools", "kube-system", watched.pool);
      if (!object || object.metadata.resourceVersion === watched.version) continue;
      this.#compare(watched, object, sandboxes);
      watched.version = object.metadata.resourceVersion;
      watched.changedAt = this.#now();
    }
    this.#checkRefused();
  }

  /** An ADD that began at a time failed because the pool is full: the next check compares this with the pool. */
  refused({ network, containerId }: PodSandbox, start: number): void {
    const watched = this.#watched.find((one) => one.network === network);
    if (watched) this.#refused.push({ watched, containerId, start });
  }

  /** No address was free during an ADD that found none. */
  #checkRefused(): void {
    for (const { watched: { places, addresses }, containerId, start } of this.#refused.splice(0)) {
      const free = places.findIndex(({ owner, freeSince, reservedAt }) =>
        owner === undefined && freeSince < start && reservedAt < start - FORGOTTEN
      );
      assert(free < 0, `the ADD of ${containerId} found no address, while ${addresses[free]} was free`);
    }
  }

  #reserved({ addresses, places, network: { domain } }: Watched): void {
    for (const [i, place] of places.entries()) {
      const name = reservationName(domain, addresses[i] ?? "");
      if (this.#objects.get("overlappingrangeipreservations", "kube-system", name)) place.reservedAt = this.#now();
    }
  }

  #compare(watched: Watched, { spec = {} }: ApiObject, sandboxes: readonly PodSandbox[]): void {
    const { places, addresses } = watched;
    const entries = spec.allocations as Record<string, { readonly id?: string; readonly podref?: string }>;
    const reuse = (spec.reuse ?? {}) as { released?: Record<string, { at: string; podref: string }> };
    const before = places.map((place) => ({ ...place }));
    const allocated: Allocated[] = [];
    for (const [index, place] of places.entries()) {
      const entry = entries[`${index + 1}`];
      if (place.owner === entry?.podref) {
        place.containerId = entry?.id;
        continue;
      }
      if (place.owner !== undefined) {
        const stored = reuse.released?.[`${index + 1}`];
        this.#released(
          watched,
          place,
          addresses[index] ?? "",
          entry ? undefined : stored,
          sandboxes,
          entry !== undefined,
        );
      }
      place.owner = entry?.podref;
      place.containerId = entry?.id;
      if (entry && !place.had.has(entry.id ?? "")) {
        allocated.push({ place, index, podRef: entry.podref ?? "", containerId: entry.id ?? "" });
      }
    }
    for (const place of places) if (place.containerId) place.had.add(place.containerId);
    for (const one of allocated) this.#allocated(watched, one, before);
    this.#correct(watched, allocated, sandboxes);
    if (watched.network.ipam.order === "rotate" && !watched.after) {
      rotated(watched, allocated, (i) => this.#isFree(watched, i, before));
    }
  }

  /** The release of an address that its owner had is recorded, and a rest that a rolled back allocation ended continues. */
  #released(
    { after, network: { name } }: Watched,
    place: Place,
    address: string,
    stored: { readonly at: string; readonly podref: string } | undefined,
    sandboxes: readonly PodSandbox[],
    isReused: boolean,
  ): void {
    const [now, { owner = "", containerId, rest }] = [this.#now(), place];
    const sandbox = sandboxes.find((one) => one.containerId === containerId);
    const wasLive = sandbox?.addresses.some((text) => text.startsWith(`${address}/`)) ?? false;
    place.freeSince = now;
    place.correctedAt = undefined;
    if (after === undefined) return;
    if (isReused) {
      place.rest = wasLive ? { podRef: owner, at: now } : undefined;
      return;
    }
    const isYoung = rest !== undefined && !this.#isAhead && now - rest.at < after && place.reservedAt < now - FORGOTTEN;
    assert(
      stored || !wasLive,
      `${address} of ${owner} (${containerId}) is released, and pool ${name} does not record it`,
    );
    assert(
      stored || !isYoung,
      `${address} rested for ${rest?.podRef}, and does not after ${containerId} was rolled back`,
    );
    assert(!wasLive || stored?.podref === owner, `${address} of ${owner} rests for ${stored?.podref}`);
    place.rest = stored && { podRef: stored.podref, at: Date.parse(stored.at) };
  }

  #allocated(watched: Watched, { index, podRef, place }: Allocated, before: readonly Place[]): void {
    const { after, places, addresses, network: { name, ipam } } = watched;
    if (after === undefined) return;
    const now = this.#now();
    const others = places.keys().filter((i) => i !== index && this.#isFree(watched, i, before)).toArray();
    const free = others.filter((i) => isOver(places[i], watched, this.#isAhead));
    const what = `${addresses[index]} of ${name} is allocated to ${podRef}`;
    const { rest } = place;
    const isOwn = rest?.podRef === podRef;
    if (ipam.order === undefined && !isOwn) {
      const [lower] = free;
      assert(lower === undefined || lower > index, `${what}, while ${addresses[lower ?? 0]} has rested long enough`);
    }
    if (this.#isAhead) return;
    const isYoung = (one: Rest | undefined): one is Rest => one !== undefined && now - one.at < after;
    if (!isOwn || !isYoung(rest)) {
      const own = others.find((i) => places[i]?.rest?.podRef === podRef && isYoung(places[i]?.rest));
      assert(own === undefined, `${what}, which had ${addresses[own ?? 0]}`);
    }
    if (isOwn || !isYoung(rest)) return;
    assert(
      free.length === 0,
      `${what} ${now - rest.at} ms after ${rest.podRef}, while ${addresses[free[0] ?? 0]} was free`,
    );
    const longer = others.find((i) => (places[i]?.rest?.at ?? Infinity) < rest.at);
    assert(longer === undefined, `${what}, while ${addresses[longer ?? 0]} rested longer`);
  }

  /** Whether an address was free before and after a commit, and not reserved lately. */
  #isFree({ places }: Watched, index: number, before: readonly Place[]): boolean {
    const place = places[index];
    return place !== undefined && place.owner === undefined && before[index]?.owner === undefined &&
      place.reservedAt < this.#now() - FORGOTTEN;
  }

  /** An allocation by a node whose clock is right corrects the times of earlier releases. */
  #correct({ places }: Watched, allocated: readonly Allocated[], sandboxes: readonly PodSandbox[]): void {
    const isRight = allocated.some(({ containerId }) =>
      sandboxes.some((one) => one.containerId === containerId && one.node.clockError === 0)
    );
    if (!isRight) return;
    for (const place of places) if (place.owner === undefined) place.correctedAt ??= this.#now();
  }
}

/** Whether the rest of an address was over for every decision on the last state of the pool. */
function isOver(place: Place | undefined, { after = 0, changedAt }: Watched, isAhead: boolean): boolean {
  if (!place) return false;
  const since = isAhead && place.freeSince > 0 ? place.correctedAt ?? Infinity : place.freeSince;
  return changedAt - since >= after;
}

/** In the order `rotate` no free address is skipped. */
function rotated(watched: Watched, allocated: readonly Allocated[], isFree: (index: number) => boolean): void {
  const { places, addresses, last } = watched;
  const distance = (index: number) => (index - (last ?? -1) - 1 + places.length) % places.length;
  const sorted = allocated.map(({ index }) => index).sort((a, b) => distance(a) - distance(b));
  const [next] = sorted;
  if (next === undefined) return;
  const skipped = places.keys().find((i) => distance(i) < distance(next) && isFree(i));
  assert(
    skipped === undefined,
    `${addresses[next]} is allocated after ${addresses[last ?? 0]}, and ${addresses[skipped ?? 0]} was skipped`,
  );
  watched.last = sorted.at(-1);
}

/** A network with one IPv4 range of which all addresses up to `range_end` are allocated. */
function watch(network: Network): Watched {
  const { range, range_end, reuse_after } = network.ipam;
  const [cidr, end] = [parseCidr(String(range))?.cidr, parseIp(String(range_end))];
  assert(cidr && end, `network ${network.name} has a range, and an end of it`);
  const addresses = Array.from(
    { length: Number(end.value - cidr.base) },
    (_, i) => formatIp({ family: 4, value: cidr.base + BigInt(i + 1) }),
  );
  const seconds = /^(\d+)s$/.exec(String(reuse_after))?.[1];
  return {
    network,
    pool: String(range).replace("/", "-"),
    places: addresses.map(() => ({
      owner: undefined,
      containerId: undefined,
      had: new Set(),
      freeSince: 0,
      reservedAt: 0,
      rest: undefined,
      correctedAt: undefined,
    })),
    addresses,
    after: seconds === undefined ? undefined : Number(seconds) * 1_000,
    version: undefined,
    changedAt: 0,
    last: undefined,
  };
}
