/**
 * JSON Patch (RFC 6902) as API servers apply it: a `test` treats a missing member as null, and a patch with an operation that cannot be applied
 * is refused.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";

/** One operation. */
export interface PatchOperation {
  /** `test`, `add`, `replace` or `remove`. */
  readonly op: string;
  /** JSON pointer (RFC 6901). */
  readonly path: string;
  /** The operand; absent for `remove`. */
  readonly value?: unknown;
}

/** An operation could not be applied. */
export class PatchError extends Error {
  /** The class, for traces. */
  override name = "PatchError";
}

type Node = Record<string, unknown>;

/** A copy of the document with the operations applied. */
export function applyPatch<T>(document: T, operations: readonly PatchOperation[]): T {
  const copy = structuredClone(document);
  for (const operation of operations) apply(copy as Node, operation);
  return copy;
}

function apply(document: Node, { op, path, value = null }: PatchOperation): void {
  const steps = path.split("/").slice(1).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = steps.pop() ?? "";
  let parent: unknown = document;
  for (const step of steps) parent = isNode(parent) ? parent[step] : undefined;
  if (op === "test") {
    const found = isNode(parent) ? parent[last] : undefined;
    if (!isDeepStrictEqual(found ?? null, value)) throw new PatchError(`testing ${path} failed`);
    return;
  }
  if (!isNode(parent)) throw new PatchError(`${path}: its parent is missing`);
  if (op !== "add" && !(last in parent)) throw new PatchError(`${op} of the missing ${path}`);
  if (op === "remove") delete parent[last];
  else parent[last] = structuredClone(value);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null;
}
