/**
 * A record of the node's journal: what this node allocated to one attachment, and all that its release needs.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../address/cidr.ts";
import { formatIp, parseIp } from "../address/ip.ts";
import type { RecordedEntry } from "../ipam/recorded.ts";
import type { PoolKey } from "../pool/types.ts";
import { decodeKeeper, encodeKeeper } from "../storage/facts.ts";
import { type RecordedStore, storeName } from "./facts.ts";

/** Version of the format. */
const FORMAT = 1;

/** An attachment: one interface of one sandbox in one network. */
export interface Attachment {
  /** The CNI network's `name`. */
  readonly network: string;
  /** `CNI_CONTAINERID`. */
  readonly containerId: string;
  /** `CNI_IFNAME`. */
  readonly ifName: string;
}

/** The record of an attachment. */
export interface JournalRecord extends Attachment {
  /**
   * The part of the network configuration that a release needs, as text, without secrets. Records of older releases have the whole text.
   */
  readonly conf: string;
  /** Whether `conf` lacks a secret that a release needs: only the runtime's configuration opens the store. */
  readonly withoutSecret?: true;
  /** Its entries. Empty until ADD succeeds. Stored as `held`. */
  readonly entries: readonly RecordedEntry[];
  /** Pools that may have further entries: an ADD recorded them before it wrote there, and did not succeed yet. Absent: none. */
  readonly pools?: readonly PoolKey[];
  /** `CNI_NETNS`: path of the sandbox's network namespace. Absent in records of older releases. */
  readonly netns?: string;
  /** The node, as the installation names it. */
  readonly node?: string;
  /** `K8S_POD_UID`. */
  readonly uid?: string;
  /** The store that was used. Absent in records of older releases. */
  readonly store?: RecordedStore;
  /** When its release became pending, in milliseconds since 1970. Absent while it is in use, and in records of older releases. */
  readonly pendingSince?: number;
}

/** Max bytes of a record's file name: file systems allow 255, and the temporary file that is renamed to it has 41 more. */
const MAX_FILE_NAME = 214;
/** Characters of the container id in a shortened name. Runtimes use 64. */
const SHORTENED_ID = 160;

/**
 * The file name of an attachment's record. No part contains `:` or begins with `~`. A long name is shortened to `~`, a digest and the
 * container id, so that two sandboxes never share a name.
 */
export function recordName({ network, containerId, ifName }: Attachment): string {
  const name = `${network}:${containerId}:${encodeURIComponent(ifName)}`;
  const suffix = ".json";
  if (name.length + suffix.length <= MAX_FILE_NAME) return name + suffix;
  return `~${digest(name)}:${containerId.slice(0, SHORTENED_ID)}${suffix}`;
}

/**
 * The name of the file that names the attachment with an address. It depends on store and allocation domain, which assign addresses
 * independently.
 */
export function addressName(store: RecordedStore | undefined, { key, allocation }: RecordedEntry): string {
  const address = formatIp({ family: key.cidr.family, value: allocation.address });
  return `${address}~${digest(`${store ? storeName(store) : ""}\n${key.network}`)}`;
}

/** FNV-1a of 128 bits, in hexadecimal digits (http://www.isthe.com/chongo/tech/comp/fnv). */
function digest(text: string): string {
  let hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58dn;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(128, (hash ^ BigInt(byte)) * 0x0100_0000_0000_0000_0000_013bn);
  }
  return hash.toString(16).padStart(32, "0");
}

/** Encodes a record as one line. Older releases skip members that they do not know. */
export function encodeRecord({ entries, pools, pendingSince, ...record }: JournalRecord): string {
  const pending = pendingSince === undefined ? {} : { promised: pendingSince };
  return `${JSON.stringify({ format: FORMAT, ...pending, ...record, ...encodeHeld({ entries, pools }) })}\n`;
}

/** Encodes a line to append to a record: the current entries of the attachment, and the pools that may have further ones. */
export function encodeEntries({ entries, pools }: Pick<JournalRecord, "entries" | "pools">): string {
  return `${JSON.stringify(encodeHeld({ entries, pools }))}\n`;
}

function encodeHeld(
  { entries, pools = [] }: { readonly entries: readonly RecordedEntry[]; readonly pools: JournalRecord["pools"] },
): Record<string, unknown> {
  return { held: entries.map(encodeEntry), ...(pools.length > 0 && { pools: pools.map(encodeKey) }) };
}

function encodeKey({ network, node, cidr }: PoolKey): Record<string, unknown> {
  return { network, ...(node !== undefined && { node }), range: formatCidr(cidr) };
}

function encodeEntry({ key, allocation, reserved, token, block }: RecordedEntry): Record<string, unknown> {
  return {
    ...encodeKey(key),
    address: formatIp({ family: key.cidr.family, value: allocation.address }),
    podref: allocation.podRef,
    ...(allocation.keeper && { keeper: encodeKeeper(allocation.keeper) }),
    ...(reserved !== undefined && { reserved }),
    ...(token !== undefined && { token }),
    ...(block && { block }),
  };
}

/** What the entries of a record have in common. */
type Facts = Pick<JournalRecord, "containerId" | "ifName" | "node" | "uid">;

/**
 * Decodes a record; undefined if the text has another format. The last appended line replaces the entries; a line that a crash or a full
 * disk cut off is skipped.
 */
export function decodeRecord(text: string): JournalRecord | undefined {
  const [first = "", ...lines] = text.split("\n");
  const value = parse(first);
  if (value === undefined) return undefined;
  const { format, network, containerId, ifName, conf, netns, node, uid, withoutSecret, promised } = value;
  const last = lines.map(parse).findLast((line) => Array.isArray(line?.held)) ?? value;
  const { held: stored } = last;
  if (format !== FORMAT || !Array.isArray(stored)) return undefined;
  if (
    typeof network !== "string" || typeof containerId !== "string" || typeof ifName !== "string" ||
    typeof conf !== "string"
  ) {
    return undefined;
  }
  if (parse(conf) === undefined) return undefined;
  const store = decodeStore(value.store);
  const facts = { ...(typeof node === "string" && { node }), ...(typeof uid === "string" && { uid }) };
  const entries = stored.map((one) => decodeEntry(one, { containerId, ifName, ...facts }));
  const pools = Array.isArray(last.pools) ? last.pools.map(decodeKey).filter((one) => one !== undefined) : [];
  return {
    network,
    containerId,
    ifName,
    conf,
    entries: entries.filter((one) => one !== undefined),
    ...(pools.length > 0 && { pools }),
    ...(typeof netns === "string" && { netns }),
    ...facts,
    ...(store && { store }),
    ...(withoutSecret === true && { withoutSecret }),
    ...(typeof promised === "number" && { pendingSince: promised }),
  };
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The node wrote the file itself, so that only the kind of the store is checked: a newer release may know more. */
function decodeStore(value: unknown): RecordedStore | undefined {
  const { kind } = (value ?? {}) as Record<string, unknown>;
  return kind === "kubernetes" || kind === "etcd" || kind === "embedded" ? value as RecordedStore : undefined;
}

function decodeKey(value: Record<string, unknown> | null): PoolKey | undefined {
  const cidr = parseCidr(String(value?.range))?.cidr;
  if (!value || !cidr) return undefined;
  return { network: String(value.network), cidr, ...(typeof value.node === "string" && { node: value.node }) };
}

function decodeEntry(value: Record<string, unknown> | null, facts: Facts): RecordedEntry | undefined {
  const key = decodeKey(value);
  if (!value || !key) return undefined;
  const ip = parseIp(String(value.address));
  if (ip?.family !== key.cidr.family) return undefined;
  const { reserved, token, block } = value;
  const keeper = decodeKeeper(value.keeper);
  return {
    key,
    allocation: { address: ip.value, podRef: String(value.podref), ...facts, ...(keeper && { keeper }) },
    ...(typeof reserved === "boolean" && { reserved }),
    ...(typeof token === "string" && { token }),
    ...(block === true && { block }),
  };
}
