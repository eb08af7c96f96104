/**
 * What the objects that we create say about themselves: a name does not tell where the network ends and the node or the address begins.
 * Annotations, because a label holds 63 characters and a network's name may be longer.
 *
 * @module
 */
import type { PatchOperation } from "./patch.ts";
import { GROUP, type Metadata } from "./resources.ts";

const NETWORK = `${GROUP}/network`;
const NODE = `${GROUP}/node`;

/** Network and node. A network of "" is the unnamed one. */
export interface Domain {
  /** `network_name`. */
  readonly network: string;
  /** Of a pool the node of its slice; of a reservation the node of its pod. Absent where there is none, or it is unknown. */
  readonly node?: string;
}

/** The annotations of an object that is created. */
export function annotationsOf({ network, node }: Domain): Readonly<Record<string, string>> {
  return { [NETWORK]: network, ...(node && { [NODE]: node }) };
}

/** What the annotations say; undefined where an older release, or the original, created the object. */
export function readAnnotations({ annotations = {} }: Pick<Metadata, "annotations">): Domain | undefined {
  const { [NETWORK]: network, [NODE]: node } = annotations;
  return network === undefined ? undefined : { network, ...(node && { node }) };
}

/** What makes the annotations of a stored object say this and no more, in a patch that tests its version. Empty where they do. */
export function annotate({ annotations }: Pick<Metadata, "annotations">, domain: Domain): PatchOperation[] {
  const wanted = annotationsOf(domain);
  if (!annotations) return [{ op: "add", path: "/metadata/annotations", value: wanted }];
  return [NETWORK, NODE].flatMap((name): PatchOperation[] => {
    const path = `/metadata/annotations/${name.replaceAll("/", "~1")}`;
    const value = wanted[name];
    if (value === annotations[name]) return [];
    return [value === undefined ? { op: "remove", path } : { op: "add", path, value }];
  });
}
