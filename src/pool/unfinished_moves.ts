/**
 * Moves of entries that have not ended: their command still runs, or was interrupted.
 *
 * @module
 */
import { type Cidr, formatCidr } from "../address/cidr.ts";
import { type Finding, NO_OWNER } from "./finding.ts";
import { describeMove, isUnderWay, type Move, movedTo } from "./move.ts";
import type { PoolFacts } from "./orphans.ts";
import { formatPoolKey, type PoolKey } from "./types.ts";

/** Pools that a finding names: a divided range has as many as it has blocks. */
const MAX_NAMED = 3;

/** A pool whose entries move. */
interface Marked {
  readonly key: PoolKey;
  readonly move: Move;
}

/** One finding for each command that has to end. */
export function findUnfinishedMoves(pools: readonly PoolFacts[]): Finding[] {
  const marked = pools.flatMap(({ key, move }) => move ? [{ key, move, name: formatPoolKey(key) }] : []);
  const moves = new Map(marked.map(({ name, move }) => [name, move]));
  const underWay = marked.filter(({ move }) => isUnderWay(move)).sort((a, b) => a.name < b.name ? -1 : 1);
  const joined = marked.filter(({ move }) => move.kind === "joined");
  const byCommand = Map.groupBy(
    underWay,
    (one) => completionOf(one, (key) => moves.get(formatPoolKey(key)), joined),
  );
  return [...byCommand].flatMap(([command, same]) => {
    const [first] = same;
    if (!first) return [];
    const named = same.slice(0, MAX_NAMED).map(({ name, move }) => `${name} is ${describeMove(move)}`).join(", ");
    const more = same.length > MAX_NAMED ? `, and ${same.length - MAX_NAMED} more pools` : "";
    return [{
      ...NO_OWNER,
      kind: "unfinished-move",
      subject: "pool",
      pool: first.name,
      network: first.key.network,
      message: `${named}${more}: ${same.length > 1 ? "they allocate" : "it allocates"} no address until ` +
        `whereabouts ${command} has ended; run it again if it was interrupted`,
    }];
  });
}

/**
 * The command that ends a move; empty if it has ended.
 *
 * @param moveOf the mark of another pool
 * @param joined the pools whose blocks are joined: the grid of a domain is removed after the last one
 */
function completionOf(
  { key, move }: Marked,
  moveOf: (key: PoolKey) => Move | undefined,
  joined: readonly Marked[],
): string {
  switch (move.kind) {
    case "moving":
      return resizing(key, move.to);
    case "dividing":
      return dividing(key, move.size);
    case "receiving": {
      // a former pool without entries is listed if it forwards to another range, and not if it is divided
      const former = { network: key.network, cidr: move.from };
      return movedTo(moveOf(former)) ? resizing(former, key.cidr) : dividing(former, key.cidr.prefix);
    }
    case "joining": {
      const isOfDomain = (other: PoolKey) => other.network === key.network && other.cidr.family === key.cidr.family;
      const range = key.cidr.prefix > 0 ? key : joined.find((one) => isOfDomain(one.key))?.key ?? key;
      return `migrate blocks --back ${formatPoolKey(range)}`;
    }
    case "moved":
    case "divided":
    case "joined":
      return "";
  }
}

function resizing(from: PoolKey, to: Cidr): string {
  return `resize ${formatPoolKey(from)} ${formatCidr(to)}`;
}

function dividing(pool: PoolKey, size: number): string {
  return `migrate blocks ${formatPoolKey(pool)} --size /${size}`;
}
