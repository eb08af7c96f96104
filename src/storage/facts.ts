/**
 * How stored records keep an owner's node and pod uid, in stores that other plugins write to as well.
 *
 * A plugin that does not know these members leaves them when it writes another container id. So they name the sandbox that they were
 * written with, and count for that one alone.
 *
 * @module
 */
import type { Owner } from "../pool/types.ts";

/** Members of a stored record. */
export interface StoredFacts {
  /** The node of the sandbox. */
  readonly node?: string;
  /** The uid of the sandbox's pod. */
  readonly poduid?: string;
  /** The first characters of the container id that both were written with. */
  readonly sandbox?: string;
}

/** Characters of a container id that tell it from every other one: runtimes make it of random hex digits, so 64 bits. */
const MARK_LENGTH = 16;

/** The members of an owner; none where neither node nor uid is known. */
export function encodeFacts({ containerId, node, uid }: Owner): StoredFacts {
  if (!node && !uid) return {};
  return { ...(node && { node }), ...(uid && { poduid: uid }), sandbox: markOf(containerId) };
}

/** What the members of a record say about the sandbox of its container id. */
export function decodeFacts(
  containerId: string,
  { node, poduid, sandbox }: { readonly [Member in keyof StoredFacts]?: unknown },
): Pick<Owner, "node" | "uid"> {
  if (sandbox !== markOf(containerId)) return {};
  return {
    ...(typeof node === "string" && node !== "" && { node }),
    ...(typeof poduid === "string" && poduid !== "" && { uid: poduid }),
  };
}

/**
 * The members to write when one owner replaces another in a record whose members cannot be deleted without knowing whether they exist. An
 * empty member reads as absent. A member that is already right is not among them; those of a former sandbox, which read as absent, are
 * overwritten too.
 */
export function replacingFacts(before: Owner, after: Owner): StoredFacts {
  const { node = "", poduid = "", sandbox } = encodeFacts(after);
  if (sandbox === undefined) return before.node || before.uid ? { sandbox: "" } : {};
  const members = {
    ...((node === "" || before.node !== node) && { node }),
    ...((poduid === "" || before.uid !== poduid) && { poduid }),
  };
  const same = before.containerId === after.containerId && sameFacts(before, after);
  return same ? {} : { ...members, sandbox };
}

function sameFacts(before: Owner, after: Owner): boolean {
  return (before.node ?? "") === (after.node ?? "") && (before.uid ?? "") === (after.uid ?? "");
}

function markOf(containerId: string): string {
  return containerId.slice(0, MARK_LENGTH);
}
