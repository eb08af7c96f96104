/**
 * Where the entries of a pool live if not in itself: those of a divided range in blocks (`grid.ts`), those of a moved one in the pool of another
 * range (`resize`).
 *
 * While entries move, neither pool allocates: an entry may be in one of them only, or in both. Afterwards the former pool forwards to the
 * other one: its owners are found there, and it keeps only entries whose addresses the other range does not have.
 *
 * @module
 */
import { type Cidr, cidrOf, contains, formatCidr, overlap, parseCidr } from "../address/cidr.ts";
import type { Ip } from "../address/ip.ts";
import { assignable, type IpRange } from "../address/range.ts";
import { type Allocation, type Allocations, type Change, sameEntry, sameInterface } from "./types.ts";

/**
 * What a pool records of a move: `moving` and `moved` in the former pool, `receiving` in the other one until all entries are there, with the
 * name of the run that moves them. `again`: the former pool was `moved` there before.
 *
 * `divided`: the entries of its range live in blocks whose prefix length is `size`. `dividing`: they move there. `joining`: they move from
 * there to the pool, and `joined`: they have moved. A joined pool allocates as one without a move, and remembers that its network must not have
 * blocks. A pool is moved or divided, never both.
 *
 * The pool of the grid is `divided` with the size {@linkcode NOT_DIVIDED} if no range is divided any more.
 */
export type Move =
  | { readonly kind: "moving"; readonly to: Cidr; readonly again?: true }
  | { readonly kind: "moved"; readonly to: Cidr }
  | { readonly kind: "receiving"; readonly from: Cidr; readonly run?: string }
  | { readonly kind: "dividing"; readonly size: number; readonly run?: string }
  | { readonly kind: "divided"; readonly size: number }
  | { readonly kind: "joining"; readonly size: number; readonly run?: string }
  | { readonly kind: "joined"; readonly size: number };

/** The size that the pool of a grid records if no range of its domain is divided. */
export const NOT_DIVIDED = 0;

/** Max pools to follow: a range that was resized several times since the ADD of a pod. Ranges may be resized to and fro. */
export const MAX_MOVES = 8;

/** A move as a store records it: `moving 10.0.0.0/22`, `moving 10.0.0.0/22 again`, `receiving 10.0.0.0/24 RUN`, `dividing /24 RUN`. */
export function encodeMove(move: Move): string {
  const more = "run" in move ? move.run : move.kind === "moving" && move.again && "again";
  const text = `${move.kind} ${where(move)}`;
  return more ? `${text} ${more}` : text;
}

function where(move: Move): string {
  if ("size" in move) return `/${move.size}`;
  return formatCidr(move.kind === "receiving" ? move.from : move.to);
}

/** A move for people: `moving to 10.0.0.0/22`. */
export function describeMove(move: Move): string {
  switch (move.kind) {
    case "receiving":
      return `receiving the entries of ${where(move)}`;
    case "dividing":
    case "divided":
      return `${move.kind} into blocks of ${where(move)}`;
    case "joining":
      return `receiving the entries of its blocks of ${where(move)}`;
    case "joined":
      return `joined from blocks of ${where(move)}`;
    default:
      return `${move.kind} to ${where(move)}`;
  }
}

/**
 * The move of a text; undefined if it is empty.
 *
 * @throws {RangeError} it is no move: a pool must not allocate by a mark that is not understood
 */
export function decodeMove(text: unknown): Move | undefined {
  if (text === undefined || text === null || text === "") return undefined;
  const [kind, range = "", more] = String(text).split(" ");
  const cidr = parseCidr(range)?.cidr;
  const run = more ? { run: more } : {};
  const size = Number(/^\/(\d{1,3})$/.exec(range)?.[1] ?? NaN);
  if (!Number.isNaN(size)) {
    if (kind === "divided" || kind === "joined") return { kind, size };
    if (kind === "dividing" || kind === "joining") return { kind, size, ...run };
  }
  if (cidr && kind === "moved") return { kind, to: cidr };
  if (cidr && kind === "moving") return { kind, to: cidr, ...(more === "again" && { again: true }) };
  if (cidr && kind === "receiving") return { kind, from: cidr, ...run };
  throw new RangeError(
    `Unknown mark ${
      JSON.stringify(text)
    }: expected moving, moved or receiving, and a range, or dividing, divided, joining or joined, and a size`,
  );
}

/** The range to which a pool forwards; undefined if it forwards to none. */
export function movedTo(move: Move | undefined): Cidr | undefined {
  return move?.kind === "moving" || move?.kind === "moved" ? move.to : undefined;
}

/** The prefix length of the blocks into which a pool is divided; undefined if it is not, or not yet. */
export function dividedInto(move: Move | undefined): number | undefined {
  return move?.kind === "divided" ? move.size : undefined;
}

/** Whether entries move: the pool allocates nothing until a command has ended. */
export function isUnderWay({ kind }: Move): boolean {
  return kind !== "moved" && kind !== "divided" && kind !== "joined";
}

/** The move because of which a pool does not allocate; undefined if it allocates. */
export function obstacleIn(move: Move | undefined): Move | undefined {
  return move?.kind === "joined" ? undefined : move;
}

/** The prefix length of the blocks that may have entries of a pool's range; undefined if none may. */
export function blockSizeOf(move: Move | undefined): number | undefined {
  return move && "size" in move && move.kind !== "joined" ? move.size : undefined;
}

/** The ranges of the pools to which entries at some addresses have moved, or may have; empty: they have not. */
export function nextRanges(move: Move | undefined, addresses: readonly Ip[]): Cidr[] {
  const to = movedTo(move);
  if (to) return [to];
  const size = move?.kind === "joining" ? undefined : blockSizeOf(move);
  return size === undefined ? [] : addresses.map((ip) => cidrOf(ip, size));
}

/**
 * The ranges of the pools that may have the entries at some addresses if a pool has not: {@linkcode nextRanges}, or the former pool of a
 * receiving one, or the blocks of a joining or joined one: a block that several ranges shared forwards to the pool of one of them. Ranges are
 * resized to and fro, so the pool that an ADD recorded may be the receiving one of a later move.
 */
export function otherRanges(move: Move | undefined, addresses: readonly Ip[]): Cidr[] {
  if (move?.kind === "receiving") return [move.from];
  if (move?.kind === "joining" || move?.kind === "joined") return addresses.map((ip) => cidrOf(ip, move.size));
  return nextRanges(move, addresses);
}

/**
 * The part of a range that the pool of another one allocates, after the entries moved there. Results keep the range's prefix length.
 *
 * @returns undefined if the two have no address in common
 */
export function movedRange(range: IpRange, to: Cidr): IpRange | undefined {
  const { first, last } = assignable(to, range.l3);
  const low = range.first > first ? range.first : first;
  const high = range.last < last ? range.last : last;
  return overlap(range.cidr, to) && low <= high ? { ...range, first: low, last: high } : undefined;
}

/** What moves, and what stays. */
export interface MovePlan {
  /** Changes of the other pool. */
  readonly changes: readonly Change[];
  /** The entries that are in the other pool once the changes are written. */
  readonly moving: readonly Allocation[];
  /** Entries whose addresses the other range does not have. They stay until they are released. */
  readonly outside: readonly Allocation[];
  /** Entries whose address has another owner in the other pool: the address has two owners. They stay. */
  readonly conflicts: readonly { readonly allocation: Allocation; readonly holder: Allocation }[];
}

/**
 * Plans a move.
 *
 * An entry of the same interface in the other pool is replaced: it is a copy that an interrupted move made before another sandbox took the
 * entry over.
 *
 * @param to the other range
 */
export function planMove(source: Allocations, target: Allocations, to: Cidr): MovePlan {
  const changes: Change[] = [];
  const moving: Allocation[] = [];
  const outside: Allocation[] = [];
  const conflicts: { allocation: Allocation; holder: Allocation }[] = [];
  for (const allocation of source.values()) {
    const { address } = allocation;
    const holder = target.get(address);
    if (!contains(to, { family: to.family, value: address })) outside.push(allocation);
    else if (holder && !sameInterface(holder, allocation)) conflicts.push({ allocation, holder });
    else {
      moving.push(allocation);
      if (!holder || !sameEntry(holder, allocation)) {
        changes.push({ address, after: allocation, ...(holder && { before: holder }) });
      }
    }
  }
  return { changes, moving, outside, conflicts };
}
