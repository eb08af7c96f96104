/**
 * Records as they are read back. A first ADD finds none, so this is loaded apart.
 *
 * @module
 */
import { parseCidr } from "../address/cidr.ts";
import { parseIp } from "../address/ip.ts";
import type { Held } from "../ipam/held.ts";
import type { RecordedStore } from "./facts.ts";
import { FORMAT, type JournalRecord } from "./record.ts";

/** What a record says of its sandbox. */
type Facts = Pick<JournalRecord, "containerId" | "ifName" | "node" | "uid">;

/**
 * Reads a record; undefined where the text is none of this format. Of the lines after it the last one counts; one that was cut off by a
 * crash or a full disk is passed over.
 */
export function decodeRecord(text: string): JournalRecord | undefined {
  const [first = "", ...gains] = text.split("\n");
  const value = parse(first);
  if (value === undefined) return undefined;
  const { format, network, containerId, ifName, conf, netns, node, uid, withoutSecret, promised } = value;
  const held = gains.map((line) => parse(line)?.held).findLast(Array.isArray) ?? value.held;
  if (format !== FORMAT || !Array.isArray(held)) return undefined;
  if (
    typeof network !== "string" || typeof containerId !== "string" || typeof ifName !== "string" ||
    typeof conf !== "string"
  ) {
    return undefined;
  }
  if (parse(conf) === undefined) return undefined;
  const store = decodeStore(value.store);
  const facts = { ...(typeof node === "string" && { node }), ...(typeof uid === "string" && { uid }) };
  const entries = held.map((one) => decodeHeld(one, { containerId, ifName, ...facts }));
  return {
    network,
    containerId,
    ifName,
    conf,
    held: entries.filter((one) => one !== undefined),
    ...(typeof netns === "string" && { netns }),
    ...facts,
    ...(store && { store }),
    ...(withoutSecret === true && { withoutSecret }),
    ...(typeof promised === "number" && { promised }),
  };
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The file is this node's own, so its shape is trusted once it names a store that this release knows. */
function decodeStore(value: unknown): RecordedStore | undefined {
  const { kind } = (value ?? {}) as Record<string, unknown>;
  return kind === "kubernetes" || kind === "etcd" || kind === "embedded" ? value as RecordedStore : undefined;
}

function decodeHeld(value: Record<string, unknown> | null, facts: Facts): Held | undefined {
  if (value === null) return undefined;
  const cidr = parseCidr(String(value.range))?.cidr;
  const ip = parseIp(String(value.address));
  if (!cidr || !ip || ip.family !== cidr.family) return undefined;
  const { reserved, token } = value;
  return {
    key: { network: String(value.network), cidr, ...(typeof value.node === "string" && { node: value.node }) },
    allocation: { address: ip.value, podRef: String(value.podref), ...facts },
    ...(typeof reserved === "boolean" && { reserved }),
    ...(typeof token === "string" && { token }),
  };
}
