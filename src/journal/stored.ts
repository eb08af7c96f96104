/**
 * Records as they are read back. A first ADD finds none, so this is loaded apart.
 *
 * @module
 */
import { parseCidr } from "../address/cidr.ts";
import { parseIp } from "../address/ip.ts";
import type { Held } from "../ipam/held.ts";
import { FORMAT, type JournalRecord } from "./record.ts";

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
