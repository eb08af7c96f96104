/**
 * Moving the entries of a range to another one, while pods come and go and the command is killed and repeated.
 *
 * @module
 */
import { editsOf } from "../../support/edited.ts";
import type { Revert } from "./revert.ts";

const DECIDE = "src/pool/decide.ts";
const MOVE = "src/pool/move.ts";
const RESIZE = "src/ipam/resize.ts";

/** All reverts of resizes. */
export const RESIZES: readonly Revert[] = [
  {
    name: "a pool allocates while its entries move",
    world: "renumbered",
    seed: 147,
    edits: editsOf(DECIDE, ['if (move) return { kind: "moving", move };', ""]),
  },
  {
    name: "a pool whose entries have moved continues to allocate",
    world: "resized",
    edits: editsOf(DECIDE, [
      'if (move?.kind === "moved") return keep(draft, request) ?? { kind: "moved", to: move.to };',
      "",
    ], [
      'if (move) return { kind: "moving", move };',
      'if (move && move.kind !== "moved") return { kind: "moving", move };',
    ]),
  },
  {
    name: "a pod does not find its entry that stays in the former pool",
    world: "renumbered",
    edits: editsOf(DECIDE, [
      'return keep(draft, request) ?? { kind: "moved", to: move.to };',
      'return { kind: "moved", to: move.to };',
    ]),
  },
  {
    name: "copies are removed although the entries may have been removed from the former pool",
    world: "renumbered",
    seed: 129,
    edits: editsOf(RESIZE, ['if (removal === "changed") await', 'if (removal !== "removed") await']),
  },
  {
    name: "an entry that is moved replaces that of another owner",
    world: "renumbered",
    edits: editsOf(MOVE, [
      "else if (holder && !sameInterface(holder, allocation)) conflicts.push({ allocation, holder });",
      "",
    ]),
  },
  {
    name: "pods of the former definition get any address of the other range",
    world: "resized",
    seed: 55,
    edits: editsOf(MOVE, ["const low = range.first > first ? range.first : first;", "const low = first;"], [
      "const high = range.last < last ? range.last : last;",
      "const high = last;",
    ]),
  },
  {
    name: "DEL releases in the former pool only",
    world: "renumbered",
    edits: editsOf("src/ipam/release.ts", [
      "return isFound ? [] : otherRanges(move, entries.map(addressOf));",
      "return [];",
    ]),
  },
  {
    name: "CHECK reads the former pool only",
    world: "renumbered",
    edits: editsOf("src/ipam/verify.ts", [
      "const pools = await readMoved(ipam.driver, [key, ...blocksOf(config, range, candidates)], candidates, signal);",
      "const pools = [await ipam.driver.read(key, signal)];",
    ]),
  },
  {
    name: "CHECK does not find an entry that stays because its address has another owner in the other pool",
    world: "renumbered",
    seed: 149,
    edits: editsOf("src/ipam/verify.ts", [
      "pools.flatMap(({ allocations }) =>",
      "pools.slice(-1).flatMap(({ allocations }) =>",
    ]),
  },
];
