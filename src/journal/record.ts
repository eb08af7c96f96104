/**
 * One record of the node's journal: what this node gave to one attachment, and how to take it back without anybody's help. `stored.ts`
 * reads it back.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import type { Held } from "../ipam/held.ts";

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
