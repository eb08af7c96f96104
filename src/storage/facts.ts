/**
 * How stored records keep an owner's node and pod uid, in stores that other plugins write to as well.
 *
 * One member holds both: `NODE/UID/MARK`, where the mark is the beginning of the container id that they were written with. A plugin that
 * does not know the member leaves it when it writes another container id, and what it says then counts no more. One member rather than
 * three, because a pool is one object: with three, a write to a pool of 1,000 entries took half as long again.
 *
 * @module
 */
import type { Owner } from "../pool/types.ts";

/** The member of a stored record. */
export interface StoredFacts {
  /** `NODE/UID/MARK`; node or uid may be empty. */
  readonly sandbox?: string;
}

/** Characters of a container id that tell it from every other one: runtimes make it of random hex digits, so 64 bits. */
const MARK_LENGTH = 16;

/** The member of an owner; none where neither node nor uid is known. */
export function encodeFacts({ containerId, node = "", uid = "" }: Owner): StoredFacts {
  const facts = [node, uid];
  // neither can contain a slash: RFC 1123, RFC 4122
  if (facts.every((fact) => fact === "") || facts.some((fact) => fact.includes("/"))) return {};
  return { sandbox: [...facts, markOf(containerId)].join("/") };
}

/** What a record's member says about the sandbox of its container id; nothing where it was written for another. */
export function decodeFacts(
  containerId: string,
  { sandbox }: { readonly sandbox?: unknown },
): Pick<Owner, "node" | "uid"> {
  if (typeof sandbox !== "string") return {};
  const [node = "", uid = "", ...mark] = sandbox.split("/");
  if (mark.join("/") !== markOf(containerId)) return {};
  return { ...(node && { node }), ...(uid && { uid }) };
}

/** The member to write where one owner replaces another in a record whose member may exist; an empty one says nothing. */
export function replacingFacts(before: Owner, after: Owner): StoredFacts {
  const [present, next] = [encodeFacts(before).sandbox, encodeFacts(after).sandbox];
  if (next === present) return {};
  return { sandbox: next ?? "" };
}

function markOf(containerId: string): string {
  return containerId.slice(0, MARK_LENGTH);
}
