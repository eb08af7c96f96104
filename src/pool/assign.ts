/**
 * Chooses the address of an owner.
 *
 * @module
 */
import { firstPick, type IpRange, isCandidate } from "../address/range.ts";
import type { Draft } from "./draft.ts";
import type { AllocateOutcome, AllocateRequest } from "./requests.ts";
import { formerOf, otherUser } from "./kept.ts";
import { type Allocation, sameEntry } from "./types.ts";

const NO_ADDRESSES: ReadonlySet<bigint> = new Set();

/**
 * Assigns the requested address; without a request the address that the owner has, else the preferred one, else the last one that its
 * interface had and that still rests, else the next free one that does not rest, in the order of the range, else the longest rested one.
 * Bounds, excludes and picks apply to requested and preferred addresses too; these may rest.
 *
 * The owner's entries are found by their keeper, else by podRef and interface, whichever sandbox they name: a pod whose sandbox is recreated
 * keeps its address, and the entry gets the new container id. An entry is kept even if bounds and excludes no longer allow its address. It is
 * dropped only if others use the address elsewhere (`inUseElsewhere`); if another address is requested, the DEL of the sandbox that it names
 * releases it. An address with a keeper is neither dropped nor replaced by another one: the owner gets it, or none.
 */
export function assign(draft: Draft, request: AllocateRequest): AllocateOutcome {
  const { requested } = request;
  const newer = request.isRetry ? newerOf(draft, request) : undefined;
  if (newer) return { kind: "superseded", by: newer };
  const refused = refuseKept(draft, request);
  if (refused) return refused;
  draft.reuse.configure(request.range);
  const own = ownEntries(draft, request);
  if (requested !== undefined) return assignRequested(draft, request, requested, own);
  const [best] = own;
  if (best) return { kind: "kept", allocation: refresh(draft, best, request) };
  const address = freeAddress(draft, request);
  if (address === undefined) return { kind: "exhausted" };
  return { kind: "allocated", allocation: put(draft, entryOf(request, address)) };
}

/**
 * The preferred address if it is free, else the last one of the owner's interface that rests, else the next one that does not rest, else the
 * longest rested one.
 */
function freeAddress(draft: Draft, request: AllocateRequest): bigint | undefined {
  const { owner, range, preferred, inUseElsewhere, ofOtherRanges, avoided = NO_ADDRESSES } = request;
  const elsewhere = new Set([...inUseElsewhere, ...ofOtherRanges]);
  const isFree = (address: bigint) =>
    draft.get(address) === undefined && !elsewhere.has(address) && isCandidate(range, address);
  if (preferred !== undefined && isFree(preferred)) return preferred;
  const { reuse } = draft;
  const skipped = elsewhere.size === 0 ? avoided : avoided.union(elsewhere);
  const isOpen = (address: bigint) => isFree(address) && !avoided.has(address);
  return reuse.formerOf(owner).find(isFree) ?? nextAddress(draft, range, skipped) ?? reuse.resting().find(isOpen);
}

/** The next free address that does not rest: of the range's picks in their order, else in the order of the range. */
function nextAddress(draft: Draft, range: IpRange, elsewhere: ReadonlySet<bigint>): bigint | undefined {
  if (range.picks) return firstPick(range, draft.isTaken(elsewhere));
  switch (range.order) {
    case "rotate":
      return draft.nextFree(range, elsewhere);
    case "random":
      return draft.randomFree(range, elsewhere);
    default:
      return draft.lowestFree(range, elsewhere);
  }
}

/** Refuses the address that is kept for the owner while another sandbox uses it, or others use it outside this pool. */
function refuseKept(draft: Draft, request: AllocateRequest): AllocateOutcome | undefined {
  const { owner, inUseElsewhere, ofOtherRanges, fresh } = request;
  if (!owner.keeper) return undefined;
  for (const entry of draft.ofOwner(owner)) {
    const { address, keeper } = entry;
    if (!keeper || ofOtherRanges.has(address) || fresh?.has(address)) continue;
    if (inUseElsewhere.has(address)) return { kind: "in use", address, keeper };
    const by = otherUser(entry, request);
    if (by) return { kind: "attached", address, by };
  }
  return undefined;
}

/** Keeps an address that the owner has, and allocates no new one; undefined if the owner has none. */
export function keep(draft: Draft, request: AllocateRequest): AllocateOutcome | undefined {
  const { requested } = request;
  const refused = refuseKept(draft, request);
  if (refused) return refused;
  const entry = ownEntries(draft, request).find(({ address }) => requested === undefined || address === requested);
  return entry && { kind: "kept", allocation: refresh(draft, entry, request) };
}

/** Keeps an address that the keeper of the owner keeps already; undefined if it keeps none. */
export function keepKept(draft: Draft, request: AllocateRequest): AllocateOutcome | undefined {
  return draft.ofOwner(request.owner).some(({ keeper }) => keeper) ? keep(draft, request) : undefined;
}

/** The owner's entries in the pool, best first. Drops those whose address others use elsewhere. */
function ownEntries(draft: Draft, request: AllocateRequest): Allocation[] {
  const { owner, inUseElsewhere, ofOtherRanges } = request;
  const own = draft.ofOwner(owner).filter(({ address }) => !ofOtherRanges.has(address));
  for (const { address } of own) if (inUseElsewhere.has(address)) draft.set(address, undefined);
  return own.filter(({ address }) => !inUseElsewhere.has(address)).sort(byPreference(request));
}

/** An entry of the owner that names another sandbox. */
function newerOf(draft: Draft, { owner, ofOtherRanges }: AllocateRequest): Allocation | undefined {
  return draft.ofOwner(owner).find((entry) =>
    entry.containerId !== owner.containerId && entry.containerId !== "" && !ofOtherRanges.has(entry.address)
  );
}

/** Inside bounds first, then own sandbox, then lowest. */
function byPreference({ range, owner }: AllocateRequest): (a: Allocation, b: Allocation) => number {
  const rank = (entry: Allocation) =>
    (isCandidate(range, entry.address) ? 0 : 2) + (entry.containerId === owner.containerId ? 0 : 1);
  return (a, b) => rank(a) - rank(b) || (a.address < b.address ? -1 : 1);
}

function assignRequested(
  draft: Draft,
  request: AllocateRequest,
  address: bigint,
  own: readonly Allocation[],
): AllocateOutcome {
  const mine = own.find((entry) => entry.address === address);
  if (mine) return { kind: "kept", allocation: refresh(draft, mine, request) };
  const by = draft.get(address);
  if (by) return { kind: "in use", address, by };
  if (request.inUseElsewhere.has(address) || request.ofOtherRanges.has(address)) return { kind: "in use", address };
  if (!isCandidate(request.range, address)) return { kind: "unusable", address };
  return { kind: "allocated", allocation: put(draft, entryOf(request, address)) };
}

/** Names the owner's sandbox in its entry. Node and uid alone are not updated. */
function refresh(draft: Draft, entry: Allocation, request: AllocateRequest): Allocation {
  const former = formerOf(entry, request);
  const { former: _, ...kept } = { ...entry, ...request.owner };
  const next = { ...kept, ...(former && { former }) };
  return sameEntry(entry, next) ? entry : put(draft, { ...entryOf(request, entry.address), ...(former && { former }) });
}

function entryOf({ owner, withoutReservation }: AllocateRequest, address: bigint): Allocation {
  return { ...owner, address, ...(withoutReservation && { unreserved: true }) };
}

function put(draft: Draft, allocation: Allocation): Allocation {
  const { podRef, ifName, containerId, node, uid, keeper, former, unreserved, address } = allocation;
  const present = {
    podRef,
    ifName,
    containerId,
    address,
    ...(node !== undefined && { node }),
    ...(uid !== undefined && { uid }),
    ...(keeper && { keeper }),
    ...(former && { former }),
    ...(unreserved && { unreserved }),
  };
  draft.set(address, present);
  return present;
}
