/**
 * GC: what it may release.
 *
 * @module
 */
import { editsOf } from "../../support/edited.ts";
import type { Revert } from "./revert.ts";

const GC = "src/cni/verbs/gc.ts";

/** All reverts of GC. */
export const COLLECTIONS: readonly Revert[] = [
  {
    name: "GC releases attachments of other networks of the node",
    world: "store",
    seed: 29,
    edits: editsOf(GC, ["record.network !== request.network || ", ""], [
      "if (await isOfNetwork(context, valid, record)) ",
      "",
    ]),
  },
];
