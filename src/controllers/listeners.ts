/**
 * Which changes of nodes and IPAMClaims may end the use of addresses: they do not wait for the next scheduled sweep.
 *
 * @module
 */
import type { ClaimName, NodeFacts } from "./cluster.ts";
import type { MirrorListener } from "./mirror.ts";

/** A deleted or fenced node no longer keeps the addresses of its pods from being freed. */
export function nodeListener(changed: () => void, ended: () => void): MirrorListener<NodeFacts> {
  return {
    put: (node, before) => {
      if (!before) changed();
      if (node.outOfService && !before?.outOfService) ended();
    },
    removed: () => {
      changed();
      ended();
    },
  };
}

/** A deleted IPAMClaim no longer keeps its address, and neither does the former one if it was recreated under its name. */
export function claimListener(ended: () => void): MirrorListener<ClaimName> {
  return {
    put: ({ uid }, before) => {
      if (before && before.uid !== uid) ended();
    },
    removed: ended,
  };
}
