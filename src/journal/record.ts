/**
 * One record of the node's journal: what this node gave to one attachment, and how to take it back without anybody's help.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../address/cidr.ts";
import { formatIp, parseIp } from "../address/ip.ts";
import type { Held } from "../ipam/held.ts";

/** Format of the record. */
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

/** What is kept of an attachment. */
export interface JournalRecord extends Attachment {
  /** The network configuration it was given under, as text: enough to release it when the runtime's own is gone. */
  readonly conf: string;
  /** What it holds; empty until ADD is through. */
  readonly held: readonly Held[];
}

/** The file name of an attachment's record. Neither part can contain `:`. */
export function recordName({ network, containerId, ifName }: Attachment): string {
  return `${network}:${containerId}:${encodeURIComponent(ifName)}.json`;
}

/** The record as text: one line. */
export function encodeRecord({ network, containerId, ifName, conf, held }: JournalRecord): string {
  return `${JSON.stringify({ format: FORMAT, network, containerId, ifName, held: held.map(encodeHeld), conf })}\n`;
}

/** A line to be put after a record: what the attachment holds now. */
export function encodeGain(held: readonly Held[]): string {
  return `${JSON.stringify({ held: held.map(encodeHeld) })}\n`;
}

function encodeHeld({ key, allocation, token }: Held): Record<string, unknown> {
  return {
    network: key.network,
    ...(key.node !== undefined && { node: key.node }),
    range: formatCidr(key.cidr),
    address: formatIp({ family: key.cidr.family, value: allocation.address }),
    podref: allocation.podRef,
    ...(token !== undefined && { token }),
  };
}

/**
 * Reads a record; undefined where the text is none of this format. Of the lines after it the last one counts; one that was cut off by a
 * crash or a full disk is passed over.
 */
export function decodeRecord(text: string): JournalRecord | undefined {
  const [first = "", ...gains] = text.split("\n");
  const value = parse(first);
  if (value === undefined) return undefined;
  const { format, network, containerId, ifName, conf } = value;
  const held = gains.map((line) => parse(line)?.held).findLast(Array.isArray) ?? value.held;
  if (format !== FORMAT || !Array.isArray(held)) return undefined;
  if (
    typeof network !== "string" || typeof containerId !== "string" || typeof ifName !== "string" ||
    typeof conf !== "string"
  ) {
    return undefined;
  }
  const entries = held.map((one) => decodeHeld(one, containerId, ifName));
  return { network, containerId, ifName, conf, held: entries.filter((one) => one !== undefined) };
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) ?? undefined;
  } catch {
    return undefined;
  }
}

function decodeHeld(value: Record<string, unknown> | null, containerId: string, ifName: string): Held | undefined {
  if (value === null) return undefined;
  const cidr = parseCidr(String(value.range))?.cidr;
  const ip = parseIp(String(value.address));
  if (!cidr || !ip || ip.family !== cidr.family) return undefined;
  return {
    key: { network: String(value.network), cidr, ...(typeof value.node === "string" && { node: value.node }) },
    allocation: { address: ip.value, podRef: String(value.podref), ifName, containerId },
    ...(typeof value.token === "string" && { token: value.token }),
  };
}
