/**
 * One record of the node's journal: what this node gave to one attachment, and how to take it back without anybody's help. `stored.ts`
 * reads it back.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import type { Held } from "../ipam/held.ts";
import { type RecordedStore, storeName } from "./facts.ts";

/** Format of the record. */
export const FORMAT = 1;

/** An attachment: one interface of one sandbox in one network. */
export interface Attachment {
  /** The CNI network's `name`. */
  readonly network: string;
  /** `CNI_CONTAINERID`. */
  readonly containerId: string;
  /** `CNI_IFNAME`. */
  readonly ifName: string;
}

/** What is kept of an attachment. */
export interface JournalRecord extends Attachment {
  /** What a release needs of the network configuration, as text, without secrets. Records of older releases have all of it. */
  readonly conf: string;
  /** Whether `conf` lacks a secret that a release needs: without the runtime's configuration the store cannot be opened. */
  readonly withoutSecret?: true;
  /** What it holds; empty until ADD is through. */
  readonly held: readonly Held[];
  /** `CNI_NETNS`: path of the sandbox's network namespace. Absent in records of older releases. */
  readonly netns?: string;
  /** The node, as the installation names it. */
  readonly node?: string;
  /** `K8S_POD_UID`. */
  readonly uid?: string;
  /** The store that was used. Absent in records of older releases. */
  readonly store?: RecordedStore;
  /** When its release became pending, in milliseconds since 1970. Absent while it is held, and in records of older releases. */
  readonly promised?: number;
}

/** Longest file name of a record: file systems take 255 bytes, and the temporary file that is renamed to it is 41 longer. */
const LONGEST_FILE_NAME = 214;
/** Characters of the container id in a shortened name. Runtimes use 64. */
const SHORTENED_ID = 160;

/**
 * The file name of an attachment's record. No part can contain `:`, and none begins with `~`: so begins a name that is shortened to a digest
 * and the container id, by which two sandboxes never share one.
 */
export function recordName({ network, containerId, ifName }: Attachment): string {
  const name = `${network}:${containerId}:${encodeURIComponent(ifName)}`;
  const suffix = ".json";
  if (name.length + suffix.length <= LONGEST_FILE_NAME) return name + suffix;
  return `~${digest(name)}:${containerId.slice(0, SHORTENED_ID)}${suffix}`;
}

/**
 * The file name under which the attachment that was given an address is found. Stores and allocation domains give addresses independently.
 */
export function addressName(store: RecordedStore | undefined, { key, allocation }: Held): string {
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

/** The record as text: one line. Releases that do not know a member skip it. */
export function encodeRecord({ held, ...record }: JournalRecord): string {
  return `${JSON.stringify({ format: FORMAT, ...record, held: held.map(encodeHeld) })}\n`;
}

/** A line to be put after a record: what the attachment holds now. */
export function encodeGain(held: readonly Held[]): string {
  return `${JSON.stringify({ held: held.map(encodeHeld) })}\n`;
}

function encodeHeld({ key, allocation, reserved, token }: Held): Record<string, unknown> {
  return {
    network: key.network,
    ...(key.node !== undefined && { node: key.node }),
    range: formatCidr(key.cidr),
    address: formatIp({ family: key.cidr.family, value: allocation.address }),
    podref: allocation.podRef,
    ...(reserved !== undefined && { reserved }),
    ...(token !== undefined && { token }),
  };
}
