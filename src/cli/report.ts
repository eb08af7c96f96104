/**
 * The reports of `check --json` and `reconcile --dry-run --json`, as `release` reads them back.
 *
 * @module
 */
import { formatIp, parseIp } from "../address/ip.ts";
import type { Seen } from "../ipam/sweep_report.ts";
import { messageOf } from "../values/errors.ts";
import { isObject, parseJson } from "../values/json.ts";
import { UsageError } from "./define.ts";

/** What a report gives to release, and how many of its findings it does not. */
export interface Report {
  /** What nobody holds. */
  readonly seen: readonly Seen[];
  /** Findings of other kinds: each takes a decision. */
  readonly left: number;
}

/** Kinds of findings that mean that nobody holds the thing. Entries of no known pod may be in use: those are named one by one. */
const RELEASABLE: readonly unknown[] = ["orphan", "reservation-without-entry"];

/**
 * Reads a report. Addresses that a living pod says it has are left, whatever else the report says of them.
 *
 * @param name of the file, for messages
 * @throws {UsageError} it is none
 */
export function parseReport(text: string, name: string): Report {
  const wrong = (why: string) =>
    new UsageError(`Cannot use report ${name}: ${why}; wanted that of check --json, or of reconcile --dry-run --json`);
  let report: unknown;
  try {
    report = parseJson(text);
  } catch (error) {
    throw wrong(messageOf(error));
  }
  if (!isObject(report)) throw wrong("it is no object");
  const { findings, freed, dryRun } = report;
  if (Array.isArray(freed)) {
    if (dryRun !== true) throw wrong("its reconcile freed them already");
    return { seen: freed.map((item, i) => toSeen(item, `freed[${i}]`, wrong)), left: 0 };
  }
  if (!Array.isArray(findings)) throw wrong("it has neither findings nor freed");
  const inUse = new Set(findings.filter((one) => isObject(one) && one.subject === "pod").map(({ address }) => address));
  const seen = findings.flatMap((item: unknown, i) => {
    if (!isObject(item)) throw wrong(`findings[${i}] is no object`);
    return RELEASABLE.includes(item.kind) && !inUse.has(item.address) ? [toSeen(item, `findings[${i}]`, wrong)] : [];
  });
  return { seen, left: findings.length - seen.length };
}

function toSeen(item: unknown, where: string, wrong: (why: string) => UsageError): Seen {
  if (!isObject(item)) throw wrong(`${where} is no object`);
  const member = (name: string) => {
    const value = item[name];
    if (typeof value === "string") return value;
    throw wrong(`${where}.${name} is ${JSON.stringify(value) ?? "missing"}, and no text`);
  };
  const subject = member("subject");
  if (subject !== "entry" && subject !== "reservation") throw wrong(`${where}.subject is ${JSON.stringify(subject)}`);
  const ip = parseIp(member("address"));
  if (!ip) throw wrong(`${where}.address is ${JSON.stringify(item.address)}, and no address`);
  return {
    subject,
    address: formatIp(ip),
    pool: member("pool"),
    network: member("network"),
    podRef: member("podRef"),
    ifName: member("ifName"),
    containerId: member("containerId"),
  };
}
