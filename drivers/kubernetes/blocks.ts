/**
 * Blocks of divided ranges: each records how many entries it has in an annotation, and its domain in a label, so that one list of metadata
 * shows which have room. A pool that records the grid has the label too, and its move (`marks.ts`).
 *
 * The pool of a divided range is also closed (`fences.ts`): the schema then refuses entries of plugins that know no blocks.
 *
 * @module
 */
import { type Cidr, parseCidr } from "../../src/address/cidr.ts";
import { isClosed } from "../../src/pool/fence.ts";
import type { BlockFacts } from "../../src/pool/grid.ts";
import { dividedInto, type Move } from "../../src/pool/move.ts";
import type { PoolSnapshot } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { type Created, marksOf } from "./marks.ts";
import { annotationPath, annotationsOf, isNamed, readAnnotations } from "./names.ts";
import { GROUP, type IpPool, type Metadata, type PatchOperation } from "./resources.ts";

/** Its value is the number of entries. */
const USED = `${GROUP}/used`;
/** Its value is a digest of the domain: a label has at most 63 characters, and a network's name may be longer. */
const DOMAIN = `${GROUP}/blocks-of`;
/** Holds the CIDR of a pool of the grid, which its name does not show without doubt. */
const RANGE = `${GROUP}/range`;

/** Whether an object is a block. */
export function isBlock({ annotations = {} }: Pick<Metadata, "annotations">): boolean {
  return annotations[USED] !== undefined;
}

/** The label of a domain. */
function labelsOf(network: string): Readonly<Record<string, string>> {
  return { [DOMAIN]: digest(network) };
}

/** The metadata of a new block. */
export function blockMetadata(
  network: string,
  range: string,
  used: number,
): { readonly labels: Readonly<Record<string, string>>; readonly annotations: Readonly<Record<string, string>> } {
  return { labels: labelsOf(network), annotations: { [USED]: String(used), [RANGE]: range } };
}

/** Operations that let a stored object record the number of its entries. Its annotations exist, or are added by an earlier operation. */
export function usedOperations(metadata: Metadata, network: string, range: string, used: number): PatchOperation[] {
  return [
    ...labelOperations(metadata, network),
    ...(metadata.annotations?.[RANGE] === range
      ? []
      : [{ op: "add", path: annotationPath(RANGE), value: range } as const]),
    { op: "add", path: annotationPath(USED), value: String(used) },
  ];
}

function labelOperations({ labels }: Pick<Metadata, "labels">, network: string): PatchOperation[] {
  const wanted = labelsOf(network);
  if (!labels) return [{ op: "add", path: "/metadata/labels", value: wanted }];
  return Object.entries(wanted).flatMap(([name, value]) =>
    labels[name] === value ? [] : [{ op: "add", path: `/metadata/labels/${name.replaceAll("/", "~1")}`, value }]
  );
}

/** The members of a new object that is divided, beside its annotations. */
export function dividedObject(network: string, range: string, move: Move | undefined): Created | undefined {
  if (!closes(move)) return undefined;
  return { labels: labelsOf(network), annotations: { [RANGE]: range }, spec: { closed: 1 } };
}

/** Whether a pool with a move is closed to plugins that know no blocks. One that receives the entries of its blocks must be open. */
function closes(move: Move | undefined): boolean {
  return move?.kind === "divided" || move?.kind === "dividing";
}

/** Operations that close a pool that becomes divided, and open one that is divided no more. */
export function divideOperations(
  { move: before, fence }: PoolSnapshot,
  metadata: Metadata,
  network: string,
  range: string,
  after: Move | undefined,
): PatchOperation[] {
  const epoch = fence ? Math.max(fence.closed, fence.opened) : 0;
  if (closes(after)) {
    return [
      ...labelOperations(metadata, network),
      ...Object.entries({ ...annotationsOf({ network }), [RANGE]: range })
        .map(([name, value]): PatchOperation => ({ op: "add", path: annotationPath(name), value })),
      ...(isClosed(fence) ? [] : [{ op: "add", path: "/spec/closed", value: epoch + 1 } as const]),
    ];
  }
  return !closes(before) ? [] : [{ op: "add", path: "/spec/opened", value: epoch + 1 }];
}

/**
 * Lists the metadata of a domain's blocks, and of the pools that record its grid: one request.
 *
 * @param fresh whether the server must not answer from its cache
 */
export async function listBlocks(
  api: ApiServer,
  network: string,
  fresh: boolean,
  signal: AbortSignal,
): Promise<BlockFacts[]> {
  const [[label, value] = ["", ""]] = Object.entries(labelsOf(network));
  const query = { labelSelector: `${label}=${value}`, ...(!fresh && { resourceVersion: "0" }) };
  const items = await api.listAll<Pick<IpPool, "metadata">>({ resource: "ippools", metadataOnly: true, query }, signal);
  return items.flatMap(({ metadata }) => {
    const cidr = cidrOf(metadata, network);
    if (!cidr) return [];
    const { [USED]: used } = metadata.annotations ?? {};
    const { move, refusesKeepers } = marksOf(metadata);
    const divided = dividedInto(move);
    if (used === undefined && divided === undefined) return [];
    return [{
      cidr,
      ...(used !== undefined && /^\d+$/.test(used) && { used: Number(used) }),
      ...(divided !== undefined && { divided }),
      ...(refusesKeepers !== undefined && { refusesKeepers }),
    }];
  });
}

/** The CIDR of a pool of the domain; undefined if the object is of another domain with the same digest, or was renamed. */
function cidrOf(metadata: Metadata, network: string): Cidr | undefined {
  const cidr = parseCidr(metadata.annotations?.[RANGE] ?? "")?.cidr;
  const domain = readAnnotations(metadata);
  return cidr && domain?.network === network && isNamed(metadata.name, { network, cidr }) ? cidr : undefined;
}

/** FNV-1a of 64 bits in hexadecimal digits. Two networks with one digest only share a list. */
function digest(text: string): string {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x0000_0100_0000_01b3n);
  }
  return hash.toString(16).padStart(16, "0");
}
