/**
 * Stores what a record of other plugins has no member for: node and pod uid of the owner, its keeper, and the former sandbox.
 *
 * `sandbox` contains node and uid: `NODE/UID/MARK`, where the mark is the beginning of the container id at the time of the write. A plugin
 * that does not know the member keeps it when it writes another container id; the mark then shows that it is stale. One member instead of
 * three, because a pool is one object: with three, a write to a pool of 1,000 entries took half as long again. `keeper` and `former` concern
 * the address, whichever sandbox uses it, and have no mark.
 *
 * @module
 */
import type { Allocation, Keeper, Owner, PodSandbox } from "../pool/types.ts";

/** The members of a stored record. An empty one counts as absent. */
export interface StoredFacts {
  /** `NODE/UID/MARK`; node or uid may be empty. */
  readonly sandbox?: string;
  /** `KIND/NAME/UID` of the object that keeps the address. */
  readonly keeper?: string;
  /** `NAMESPACE/NAME/CONTAINER`, with `/NODE/UID` if either is known: the sandbox from which a virtual machine moves. Reservations lack it. */
  readonly former?: string;
}

/** The members. */
export const FACTS = ["sandbox", "keeper", "former"] as const;

/** The kinds of keepers. */
const KINDS: readonly string[] = ["IPAMClaim", "StatefulSet"] satisfies readonly Keeper["kind"][];

/** Characters that identify a container id: runtimes generate random hex digits, so 64 bits. */
const MARK_LENGTH = 16;

/** Encodes the members of an owner; each is absent if its facts are unknown. */
export function encodeFacts({ keeper, former, ...owner }: Owner & Pick<Allocation, "former">): StoredFacts {
  return {
    ...encodeSandbox(owner),
    ...(keeper && { keeper: encodeKeeper(keeper) }),
    ...(former && { former: encodeFormer(former) }),
  };
}

function encodeSandbox({ containerId, node = "", uid = "" }: Owner): StoredFacts {
  const facts = [node, uid];
  // neither can contain a slash: RFC 1123, RFC 4122
  if (facts.every((fact) => fact === "") || facts.some((fact) => fact.includes("/"))) return {};
  return { sandbox: [...facts, markOf(containerId)].join("/") };
}

/** A copy of a part of a text: the part keeps the whole text in memory, of each of 100,000 records. */
function ofItsOwn(part: string): string {
  return part.split("-").join("-"); // V8 copies what is shorter than 13 characters, as the parts of a uid are
}

/** Decodes the members of a record. Without node and uid if they were written for another container id. */
export function decodeFacts(
  containerId: string,
  { sandbox, keeper, former }: { readonly [fact in typeof FACTS[number]]?: unknown },
): Pick<Allocation, "node" | "uid" | "keeper" | "former"> {
  const kept = decodeKeeper(keeper);
  const moved = decodeFormer(former);
  return { ...decodeSandbox(containerId, sandbox), ...(kept && { keeper: kept }), ...(moved && { former: moved }) };
}

function decodeSandbox(containerId: string, sandbox: unknown): Pick<Owner, "node" | "uid"> {
  if (typeof sandbox !== "string") return {};
  const [node = "", uid = "", ...mark] = sandbox.split("/");
  if (mark.join("/") !== markOf(containerId)) return {};
  return { ...(node && { node: ofItsOwn(node) }), ...(uid && { uid: ofItsOwn(uid) }) };
}

/** The text of a keeper. */
export function encodeKeeper({ kind, name, uid }: Keeper): string {
  return `${kind}/${name}/${uid}`;
}

/** The keeper of a text; undefined if it is none. */
export function decodeKeeper(text: unknown): Keeper | undefined {
  if (typeof text !== "string") return undefined;
  const [kind = "", name = "", uid = "", ...more] = text.split("/");
  if (!KINDS.includes(kind) || !name || !uid || more.length > 0) return undefined;
  return { kind: kind as Keeper["kind"], name, uid };
}

/** The text of a former sandbox. */
export function encodeFormer({ podRef, containerId, node = "", uid = "" }: PodSandbox): string {
  const facts = node === "" && uid === "" ? [] : [node, uid];
  return [podRef, containerId, ...facts].join("/");
}

/** The former sandbox of a text; undefined if it is none. */
export function decodeFormer(text: unknown): PodSandbox | undefined {
  if (typeof text !== "string") return undefined;
  const [namespace, name, containerId, node = "", uid = "", ...more] = text.split("/");
  if (!namespace || !name || !containerId || more.length > 0) return undefined;
  return { podRef: `${namespace}/${name}`, containerId, ...(node && { node }), ...(uid && { uid }) };
}

/** The members to write when one owner replaces another in a record. An empty member clears an existing one. */
export function replacingFacts(
  before: Owner & Pick<Allocation, "former">,
  after: Owner & Pick<Allocation, "former">,
): StoredFacts {
  const [present, next] = [encodeFacts(before), encodeFacts(after)];
  const differing = FACTS.filter((member) => present[member] !== next[member]);
  return Object.fromEntries(differing.map((member) => [member, next[member] ?? ""]));
}

function markOf(containerId: string): string {
  return containerId.slice(0, MARK_LENGTH);
}
