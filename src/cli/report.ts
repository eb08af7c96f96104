/**
 * Parses the reports of `check --json` and `reconcile --dry-run --json` for `release`.
 *
 * @module
 */
import { formatIp, parseIp } from "../address/ip.ts";
import type { Seen } from "../ipam/sweep_report.ts";
import { messageOf } from "../values/errors.ts";
import { isObject, parseJson } from "../values/json.ts";
import { UsageError } from "./define.ts";

/** The content of a report. */
export interface Report {
  /** Unused records. */
  readonly seen: readonly Seen[];
  /** Number of findings of other kinds, which need a decision each. */
  readonly left: number;
}

/** Kinds of findings about unused records. `unowned` is not among them: such an entry may be in use. */
const RELEASABLE: readonly unknown[] = ["orphan", "keeper-gone", "reservation-without-entry"];

/**
 * Parses a report. Skips addresses that the status of a pod contains, whatever other findings they have.
 *
 * @param name of the file, for messages
 * @throws {UsageError} the report is invalid
 */
export function parseReport(text: string, name: string): Report {
  const invalid = (why: string) =>
    new UsageError(`Invalid report ${name}: ${why}; expected that of check --json or reconcile --dry-run --json`);
  let report: unknown;
  try {
    report = parseJson(text);
  } catch (error) {
    throw invalid(messageOf(error));
  }
  if (!isObject(report)) throw invalid("not an object");
  const { findings, freed, dryRun } = report;
  if (Array.isArray(freed)) {
    if (dryRun !== true) throw invalid("reconcile without --dry-run has already freed its records");
    return { seen: freed.map((item, i) => toSeen(item, `freed[${i}]`, invalid)), left: 0 };
  }
  if (!Array.isArray(findings)) throw invalid("members findings and freed are missing");
  const inUse = new Set(findings.filter((one) => isObject(one) && one.subject === "pod").map(({ address }) => address));
  const seen = findings.flatMap((item: unknown, i) => {
    if (!isObject(item)) throw invalid(`findings[${i}] is not an object`);
    return RELEASABLE.includes(item.kind) && !inUse.has(item.address) ? [toSeen(item, `findings[${i}]`, invalid)] : [];
  });
  return { seen, left: findings.length - seen.length };
}

function toSeen(item: unknown, where: string, invalid: (why: string) => UsageError): Seen {
  if (!isObject(item)) throw invalid(`${where} is not an object`);
  const member = (name: string) => {
    const value = item[name];
    if (typeof value === "string") return value;
    throw invalid(`${where}.${name} is ${JSON.stringify(value) ?? "missing"}, expected a string`);
  };
  const subject = member("subject");
  if (subject !== "entry" && subject !== "reservation") {
    throw invalid(`${where}.subject is ${JSON.stringify(subject)}, expected entry or reservation`);
  }
  const ip = parseIp(member("address"));
  if (!ip) throw invalid(`${where}.address is ${JSON.stringify(item.address)}, expected an address`);
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
