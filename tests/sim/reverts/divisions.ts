/**
 * Dividing ranges into blocks, and the way back, while pods come and go and the command is killed and repeated.
 *
 * @module
 */
import { type Edit, editsOf } from "../../support/edited.ts";
import type { Setting } from "../seeds.ts";
import type { Revert } from "./revert.ts";

const DECIDE = "src/pool/decide.ts";

/** All reverts of divisions. */
export const DIVISIONS: readonly Revert[] = ([
  [
    "a pool allocates while its entries move to blocks, and afterwards",
    "gridded",
    editsOf(DECIDE, [
      'if (move?.kind === "divided") return { kind: "divided", size: move.size };\n      if (move) return',
      'if (move && move.kind !== "dividing" && move.kind !== "divided") return',
    ]),
  ],
  [
    "an entry in a pool replaces that of another owner in its block",
    "gridded",
    editsOf("src/pool/move.ts", [
      "else if (holder && !sameInterface(holder, allocation)) conflicts.push({ allocation, holder });",
      "",
    ]),
  ],
  [
    "DEL and CHECK do not follow an address to its block",
    "gridded",
    editsOf("src/pool/move.ts", ["size === undefined ? [] :", "size === undefined || Boolean(1) ? [] :"]),
  ],
  [
    "a failed ADD does not undo its entry in a block",
    "gridded",
    editsOf("src/ipam/rollback.ts", [
      "await followMoves([one.key], (key) => undoIn(ipam, { ...one, key }, deadline.signal));",
      "await undoIn(ipam, one, deadline.signal);",
    ]),
  ],
  [
    "a DEL without a record searches no block of a divided pool",
    "gridded",
    editsOf("src/ipam/release.ts", [
      "return await poolsWith(ipam, pool, sandbox, signal);",
      "return (await poolsWith(ipam, pool, sandbox, signal)).slice(9);",
    ]),
  ],
  [
    "an ADD that failed removes the record of an earlier one that died",
    "gridded",
    editsOf("src/cni/verbs/add.ts", [
      "hasUnreleased || found !== undefined ||",
      "hasUnreleased || Boolean(pools?.length) ||",
    ]),
  ],
  [
    "blocks allocate while their entries move to the pool",
    "gridded",
    editsOf("src/ipam/join.ts", [
      'await ipam.driver.setMove?.(block, { kind: "moved", to: pool.cidr }, deadline);',
      "block;",
    ]),
  ],
  [
    "DEL and CHECK do not find an entry in the pool of another range that shared the block",
    "gridded",
    editsOf("src/pool/move.ts", [
      'if (move?.kind === "joining" || move?.kind === "joined") return addresses',
      'if (move?.kind === "joining") return addresses',
    ]),
  ],
] as readonly (readonly [string, Setting, readonly Edit[]])[]).map(([name, world, edits]) => ({ name, world, edits }));
