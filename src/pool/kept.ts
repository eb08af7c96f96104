/**
 * Addresses that a keeper holds beyond the life of a pod: which sandboxes use one, and what remains of an entry when a sandbox ends.
 *
 * @module
 */
import type { AllocateRequest, KnownSandbox, ReleaseRequest } from "./requests.ts";
import type { Allocation, PodSandbox } from "./types.ts";
import { sameInterface } from "./types.ts";

/**
 * A sandbox that may still use the address of an entry that is kept for the owner of the request. Undefined if no sandbox does, or the
 * entry names an earlier sandbox of the owner's own interface, which the owner replaces as without a keeper. Of two sandboxes from which the
 * virtual machine moves, one is such a user: the entry can name only one that gets it back.
 */
export function otherUser(entry: Allocation, { owner, sandboxes = [] }: AllocateRequest): PodSandbox | undefined {
  if (!entry.keeper || sameInterface(entry, owner)) return undefined;
  const users = usersOf(entry);
  const [first, second] = users.filter((user) => stateOf(user, sandboxes) === "moving");
  return users.find((user) => !stateOf(user, sandboxes)) ?? (second && first);
}

/** The sandbox that gets the entry back if the owner's ends first. */
export function formerOf(entry: Allocation, { owner, sandboxes = [] }: AllocateRequest): PodSandbox | undefined {
  if (sameInterface(entry, owner)) return entry.former;
  return usersOf(entry).find((user) => stateOf(user, sandboxes) === "moving");
}

/** What remains of an entry of the sandbox when it ends: undefined if it is freed. */
export function detach(entry: Allocation): Allocation | undefined {
  const { address, podRef, ifName, keeper, former } = entry;
  if (!keeper) return undefined;
  return { ...(former ?? { podRef, containerId: "" }), ifName, address, keeper };
}

/** What remains of a kept entry when one of the sandboxes that it names ends. */
export function withoutSandbox(entry: Allocation, { containerId }: PodSandbox): Allocation {
  if (entry.former?.containerId === containerId) return withoutFormer(entry);
  return entry.containerId === containerId ? detach(entry) ?? entry : entry;
}

/** Whether the sandbox that ends is the former one of an entry. */
export function isFormer(
  { former, ifName }: Allocation,
  sandbox: Pick<ReleaseRequest, "containerId" | "ifName">,
): boolean {
  return former?.containerId === sandbox.containerId && ifName === sandbox.ifName;
}

/** The entry without its former sandbox. */
export function withoutFormer({ former: _, ...entry }: Allocation): Allocation {
  return entry;
}

/** The sandboxes that an entry names. A detached entry names none. */
export function usersOf({ podRef, containerId, node, uid, former }: Allocation): PodSandbox[] {
  const own = { podRef, containerId, ...(node !== undefined && { node }), ...(uid !== undefined && { uid }) };
  return [...(containerId === "" ? [] : [own]), ...(former ? [former] : [])];
}

function stateOf(user: PodSandbox, known: readonly KnownSandbox[]): KnownSandbox["state"] | undefined {
  return known.find(({ podRef, containerId }) => podRef === user.podRef && containerId === user.containerId)?.state;
}
