/**
 * Stores an owner's node and pod uid in records that other plugins also write.
 *
 * One member contains both: `NODE/UID/MARK`, where the mark is the beginning of the container id at the time of the write. A plugin that does
 * not know the member keeps it when it writes another container id; the mark then shows that it is stale. One member instead of three,
 * because a pool is one object: with three, a write to a pool of 1,000 entries took half as long again.
 *
 * @module
 */
import type { Owner } from "../pool/types.ts";

/** The member of a stored record. */
export interface StoredFacts {
  /** `NODE/UID/MARK`; node or uid may be empty. */
  readonly sandbox?: string;
}

/** Characters that identify a container id: runtimes generate random hex digits, so 64 bits. */
const MARK_LENGTH = 16;

/** Encodes the member of an owner; absent if neither node nor uid is known. */
export function encodeFacts({ containerId, node = "", uid = "" }: Owner): StoredFacts {
  const facts = [node, uid];
  // neither can contain a slash: RFC 1123, RFC 4122
  if (facts.every((fact) => fact === "") || facts.some((fact) => fact.includes("/"))) return {};
  return { sandbox: [...facts, markOf(containerId)].join("/") };
}

/** Decodes the member of a record; empty if it was written for another container id. */
export function decodeFacts(
  containerId: string,
  { sandbox }: { readonly sandbox?: unknown },
): Pick<Owner, "node" | "uid"> {
  if (typeof sandbox !== "string") return {};
  const [node = "", uid = "", ...mark] = sandbox.split("/");
  if (mark.join("/") !== markOf(containerId)) return {};
  return { ...(node && { node }), ...(uid && { uid }) };
}

/** The member to write when one owner replaces another in a record. An empty member clears an existing one. */
export function replacingFacts(before: Owner, after: Owner): StoredFacts {
  const [present, next] = [encodeFacts(before).sandbox, encodeFacts(after).sandbox];
  if (next === present) return {};
  return { sandbox: next ?? "" };
}

function markOf(containerId: string): string {
  return containerId.slice(0, MARK_LENGTH);
}
