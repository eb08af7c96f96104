/**
 * `spec.reuse` of an IPPool: which addresses rest, and where the order `rotate` continues. Only pools whose network has these settings have
 * it. Plugins of the original leave it unchanged.
 *
 * @module
 */
import { changedRests, isEmpty, type Reuse } from "../../src/pool/reuse.ts";
import { decodeReuse, encodeRest, encodeReuse } from "../../src/storage/reuse.ts";
import type { PatchOperation } from "./resources.ts";

const PATH = "/spec/reuse";

/** Decodes the member. Undefined if it is missing or invalid. @param base the address that keys count from */
export function readReuse(value: unknown, base: bigint): Reuse | undefined {
  return decodeReuse(value, (key) => /^\d{1,39}$/.test(key) ? base + BigInt(key) : undefined);
}

/** The member of a new pool. */
export function reuseMember(reuse: Reuse | undefined, base: bigint): { readonly reuse?: object } {
  return reuse && !isEmpty(reuse) ? { reuse: encodeReuse(reuse, keyFrom(base)) } : {};
}

/** Operations that replace the member, of single keys where it exists: a patch does not repeat the rests that stay. */
export function reuseOperations(before: Reuse | undefined, after: Reuse, base: bigint): PatchOperation[] {
  if (isEmpty(after)) return before ? [{ op: "remove", path: PATH }] : [];
  if (!before) return [{ op: "add", path: PATH, value: encodeReuse(after, keyFrom(base)) }];
  const [was, will] = [before, after].map((reuse) => encodeReuse({ ...reuse, rests: new Map() }, keyFrom(base)));
  const members = (["afterSeconds", "last"] as const).flatMap((member): PatchOperation[] => {
    const [present, value] = [was?.[member], will?.[member]];
    if (present === value) return [];
    const path = `${PATH}/${member}`;
    return [value === undefined ? { op: "remove", path } : { op: "add", path, value }];
  });
  const rests = [...changedRests(before, after)].map(([address, rest]): PatchOperation => {
    const path = restPath(address, base);
    return rest ? { op: "add", path, value: encodeRest(rest) } : { op: "remove", path };
  });
  return [...members, ...rests];
}

/** Operations that add rests to a member that was not read: the allocation of their addresses wrote it. */
export function addRests({ rests }: Reuse, base: bigint): PatchOperation[] {
  return [...rests].map(([address, rest]) => ({ op: "add", path: restPath(address, base), value: encodeRest(rest) }));
}

function restPath(address: bigint, base: bigint): string {
  return `${PATH}/released/${keyFrom(base)(address)}`;
}

function keyFrom(base: bigint): (address: bigint) => string {
  return (address) => String(address - base);
}
