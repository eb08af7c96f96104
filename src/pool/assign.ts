/**
 * Which address an owner gets.
 *
 * @module
 */
import { isCandidate } from "../address/range.ts";
import type { Draft } from "./draft.ts";
import type { ClaimOutcome, ClaimRequest } from "./requests.ts";
import { type Allocation, sameOwner } from "./types.ts";

/**
 * Gives the owner the address it has, or else the one it requests, or else the lowest free one. Bounds and excludes hold for requests too.
 *
 * What the owner has is found by podRef and interface, whatever the sandbox: a pod that is started anew keeps its address, and the
 * record takes on the new container id. It is kept even where bounds and excludes no longer allow it. It is dropped only
 * where somebody else holds the same address (`avoid`); where another address is requested, it stays for the release of the sandbox that
 * it names.
 */
export function assign(draft: Draft, request: ClaimRequest): ClaimOutcome {
  const { owner, requested, avoid, besides } = request;
  const newer = request.again ? newerOf(draft, request) : undefined;
  if (newer) return { kind: "superseded", by: newer };
  const kept = ownOf(draft, request);
  if (requested !== undefined) return assignRequested(draft, request, requested, kept);
  const [held] = kept;
  if (held) return { kind: "held", allocation: refresh(draft, held, request) };
  const address = draft.lowestFree(request.range, new Set([...avoid, ...besides]));
  if (address === undefined) return { kind: "exhausted" };
  return { kind: "claimed", allocation: put(draft, { ...owner, address }) };
}

/** Gives the owner the address that it has, and no other one; undefined where it has none. */
export function keep(draft: Draft, request: ClaimRequest): ClaimOutcome | undefined {
  const { requested } = request;
  const held = ownOf(draft, request).find(({ address }) => requested === undefined || address === requested);
  return held && { kind: "held", allocation: refresh(draft, held, request) };
}

/** What the owner has of the pool, the fittest first. What somebody else holds too is dropped. */
function ownOf(draft: Draft, request: ClaimRequest): Allocation[] {
  const { owner, avoid, besides } = request;
  const own = draft.ofInterface(owner).filter((held) => !besides.has(held.address));
  for (const held of own.filter((held) => avoid.has(held.address))) draft.set(held.address, undefined);
  return own.filter((held) => !avoid.has(held.address)).sort(byFitness(request));
}

/** An entry of the owner's interface that names another sandbox. */
function newerOf(draft: Draft, { owner, besides }: ClaimRequest): Allocation | undefined {
  return draft.ofInterface(owner).find((held) => held.containerId !== owner.containerId && !besides.has(held.address));
}

/** In the bounds first, of this very sandbox first, lowest first. */
function byFitness({ range, owner }: ClaimRequest): (a: Allocation, b: Allocation) => number {
  const rank = (held: Allocation) =>
    (isCandidate(range, held.address) ? 0 : 2) + (held.containerId === owner.containerId ? 0 : 1);
  return (a, b) => rank(a) - rank(b) || (a.address < b.address ? -1 : 1);
}

function assignRequested(draft: Draft, request: ClaimRequest, address: bigint, own: Allocation[]): ClaimOutcome {
  const mine = own.find((held) => held.address === address);
  if (mine) return { kind: "held", allocation: refresh(draft, mine, request) };
  const by = draft.get(address);
  if (by) return { kind: "taken", address, by };
  if (request.avoid.has(address) || request.besides.has(address)) return { kind: "taken", address };
  if (!isCandidate(request.range, address)) return { kind: "unusable", address };
  return { kind: "claimed", allocation: put(draft, { ...request.owner, address }) };
}

function refresh(draft: Draft, held: Allocation, { owner }: ClaimRequest): Allocation {
  return sameOwner(held, owner) ? held : put(draft, { ...owner, address: held.address });
}

function put(draft: Draft, { podRef, ifName, containerId, node, uid, address }: Allocation): Allocation {
  const allocation = {
    podRef,
    ifName,
    containerId,
    address,
    ...(node !== undefined && { node }),
    ...(uid !== undefined && { uid }),
  };
  draft.set(address, allocation);
  return allocation;
}
