/**
 * Checks a merged document and makes the configuration of it.
 *
 * @module
 */
import { formatCidr, overlap } from "../address/cidr.ts";
import { formatIp, type Ip } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogOptions, parseLogFormat, parseLogLevel } from "../world/log.ts";
import { DNS_SUBDOMAIN } from "../values/dns.ts";
import { isObject } from "../values/json.ts";
import { withBlocks } from "./blocks.ts";
import { parsePersistence } from "./persistence.ts";
import { namesStore, parseDatastore } from "./datastore.ts";
import { type Document, isEmpty, list, quote, readDocument, text, type Warn } from "./document.ts";
import { parseExtras } from "./extras.ts";
import { missingRange } from "./missing.ts";
import { parseAddress, parseRange, parseRangeGateway, withoutGateway } from "./ranges.ts";
import type { RequestedAddresses, Requests } from "./requested.ts";
import { parseReuse } from "./reuse.ts";
import { IPAM_FIELDS, RANGE_FIELDS } from "./schema.ts";
import { parseSlices } from "./slices.ts";
import {
  ConfigError,
  type Datastore,
  type IpamConfig,
  type Purpose,
  type RangesAllocation,
  RequestRefusedError,
  type StaticAddress,
} from "./types.ts";

/** The maximum number of ranges of a network: each costs every pod a pool, a write and an address. */
const MAX_RANGES = 64;

/** Max characters of a `network_name`: half of the length of an object name is left for the range. */
const MAX_NETWORK_NAME_LENGTH = 128;

/** The inputs besides the merged document. */
export interface ResolveOptions extends RequestedAddresses {
  /** The CNI network's name. */
  readonly network: string;
  /** `cniVersion` of the network configuration. */
  readonly cniVersion: string;
  /** The purpose of the configuration. */
  readonly purpose: Purpose;
  /** The `ipam` object as written, for messages. */
  readonly inline: Readonly<Record<string, unknown>>;
  /** The confinement of the files that a tenant names. Default: none. */
  readonly confined?: Confined;
}

/** The folders to which the files that a tenant names are confined. Absent: the operator names them, so they may be anywhere. */
export interface Confined {
  /** Folders of the kubeconfig and of the files that it names. */
  readonly kubernetes?: readonly string[];
  /** Folders of etcd's certificates and keys. */
  readonly etcd?: readonly string[];
  /** Folders of the log file. */
  readonly log?: readonly string[];
}

/** Whether the rules for new allocations apply. */
export function isForAllocation(purpose: Purpose): boolean {
  return purpose === "allocate" || purpose === "inspect";
}

/**
 * Checks every field of a merged document.
 *
 * @throws {ConfigError} the first invalid field
 */
export function resolveConfig(
  document: Document,
  path: string,
  options: ResolveOptions,
  warn: Warn,
): IpamConfig {
  const gateway = parseAddress(document, "gateway", path);
  const requests = parseRequests(document, path);
  const strict = isForAllocation(options.purpose);
  const configured = withBlocks(parseRanges(document, path, warn), document, path, strict, warn);
  const ranges = document.exclude_gateway === false ? configured : configured.map((range) => {
    const kept = [gateway, range.gateway].filter((one) => one !== undefined);
    return kept.reduce(withoutGateway, range);
  });
  const extras = parseExtras(document, path, ranges, { ...options, requests, strict }, warn);
  if (strict && ranges.length + extras.addresses.length === 0 && requests !== "any") {
    throw missingRange(options.inline, path, IPAM_FIELDS);
  }
  refuseSecondOfFamily(extras.addresses, options.cniVersion, path);
  const rangesAllocation = parseRangesAllocation(document, path);
  if (strict && rangesAllocation === "first_available") refuseSecondRequest(extras.requested, path);
  const datastore = confine(parseDatastore(document, path, warn), options.confined);
  // a process outside of the node does not know the flat files of the nodes, which may name the store
  const isUnknown = options.purpose === "inspect" && !namesStore(document);
  const overlapping = document.enable_overlapping_ranges !== false;
  if (datastore.kind === "etcd" && overlapping) {
    const written = document.enable_overlapping_ranges === true;
    warn(
      `${path}.enable_overlapping_ranges${
        written ? "" : ", which is on by default,"
      } has no effect: etcd keeps no cluster-wide reservations; ` +
        "keep the ranges of networks apart, and write false",
    );
  }
  return {
    network: options.network,
    cniVersion: options.cniVersion,
    networkName: parseNetworkName(document, path),
    ranges,
    ...(rangesAllocation !== "all" && { rangesAllocation }),
    ...(gateway && { gateway }),
    ...extras,
    overlapping,
    verifyNetworkStatus: document.verify_network_status !== false,
    datastore,
    log: parseLog(document, path, options.confined?.log, warn),
    ...parsePersistence(document, path, isUnknown ? { kind: "kubernetes" } : datastore, strict),
    ...parseSlices(document, path, { strict, inline: options.inline }),
    ...optional("configurationPath", text(document, "configuration_path")),
    ...optional("reconcilerCron", text(document, "reconciler_cron_expression")),
    sleepForRace: parseSleep(document, path),
  };
}

function confine(datastore: Datastore, { kubernetes, etcd }: Confined = {}): Datastore {
  if (datastore.kind === "kubernetes" && kubernetes) return { ...datastore, confinedTo: kubernetes };
  if (datastore.kind === "etcd" && etcd) return { ...datastore, confinedTo: etcd };
  return datastore;
}

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : { [key]: value } as { [P in K]?: string };
}

function parseRanges(document: Document, path: string, warn: Warn): IpRange[] {
  const l3 = document.enable_l3 === true;
  const reuse = parseReuse(document, path);
  const ranges: IpRange[] = text(document, "range") === undefined
    ? []
    : [{ ...parseRange(document, path, warn), ...reuse }];
  for (const key of ranges.length > 0 ? [] : ["range_start", "range_end", "exclude", "pick_addresses"]) {
    if (!isEmpty(document[key])) warn(`${path}.${key} has no effect without ${path}.range; ipRanges have their own`);
  }
  const further = list(document, "ipRanges");
  if (ranges.length + further.length > MAX_RANGES) {
    const field = `${path}.ipRanges`;
    throw new ConfigError(
      field,
      `Cannot use ${field}: found ${further.length} ranges, expected at most ${MAX_RANGES} in all`,
    );
  }
  for (const [i, element] of further.entries()) {
    const at = `${path}.ipRanges[${i}]`;
    const read = readDocument(element, RANGE_FIELDS, at, warn);
    if (text(read, "range") === undefined) throw missingRange(isObject(element) ? element : {}, at, RANGE_FIELDS);
    const range = parseRange(read, at, warn, l3 && read.enable_l3 === undefined);
    const gateway = parseRangeGateway(read, range, at);
    ranges.push({ ...range, ...parseReuse(read, at, reuse), ...(gateway && { gateway }) });
  }
  for (const [i, a] of ranges.entries()) {
    const twin = ranges.slice(i + 1).find((b) => overlap(a.cidr, b.cidr) && formatCidr(a.cidr) !== formatCidr(b.cidr));
    if (twin) warn(`Ranges ${formatCidr(a.cidr)} and ${formatCidr(twin.cidr)} of one network overlap`);
  }
  return ranges;
}

function parseRequests(document: Document, path: string): Requests {
  const requests = text(document, "requests") ?? "ranges";
  if (requests === "ranges" || requests === "any") return requests;
  throw new ConfigError(
    `${path}.requests`,
    `Cannot use ${path}.requests ${quote(requests)}: expected "ranges" or "any"`,
  );
}

function parseRangesAllocation(document: Document, path: string): RangesAllocation {
  const value = text(document, "ipRangesAllocation") ?? "all";
  if (value === "all" || value === "first_available") return value;
  const field = `${path}.ipRangesAllocation`;
  throw new ConfigError(field, `Cannot use ${field} ${quote(value)}: expected "all" or "first_available"`);
}

function refuseSecondRequest(requested: readonly Ip[], path: string): void {
  const [, second] = requested;
  if (!second) return;
  const field = `${path}.ipRangesAllocation`;
  throw new RequestRefusedError(
    field,
    `Cannot give ${
      requested.map(formatIp).join(" and ")
    }: the network gives one address in all, by ${field} "first_available"`,
  );
}

function refuseSecondOfFamily(addresses: readonly StaticAddress[], cniVersion: string, path: string): void {
  if (!["", "0.1.0", "0.2.0"].includes(cniVersion)) return;
  for (const family of [4, 6]) {
    const count = addresses.filter(({ ip }) => ip.family === family).length;
    if (count > 1) {
      throw new ConfigError(
        `${path}.addresses`,
        `Cannot use ${path}.addresses: cniVersion ${
          cniVersion || "0.1.0"
        } has place for one IPv${family} address, found ${count}`,
      );
    }
  }
}

function parseNetworkName(document: Document, path: string): string {
  const name = text(document, "network_name") ?? "";
  if (name === "" || (name.length <= MAX_NETWORK_NAME_LENGTH && DNS_SUBDOMAIN.test(name))) return name;
  throw new ConfigError(
    `${path}.network_name`,
    `Cannot use ${path}.network_name ${quote(name)}: it becomes part of object names; expected at most ` +
      `${MAX_NETWORK_NAME_LENGTH} lower-case letters, digits, "-" and ".", a letter or digit at both ends of each part between dots`,
  );
}

function parseSleep(document: Document, path: string): number {
  const seconds = Number(document.sleep_for_race ?? 0);
  if (seconds >= 0 && seconds <= 60) return seconds;
  throw new ConfigError(
    `${path}.sleep_for_race`,
    `Cannot use ${path}.sleep_for_race ${seconds}: expected 0 to 60 seconds`,
  );
}

function parseLog(
  document: Document,
  path: string,
  confinedTo: readonly string[] | undefined,
  warn: Warn,
): LogOptions {
  const name = text(document, "log_level");
  const level = parseLogLevel(name ?? "debug");
  if (name !== undefined && !level) {
    warn(`${path}.log_level ${quote(name)} is ignored: expected one of ${LOG_LEVELS.join(", ")}`);
  }
  const written = text(document, "log_format");
  const format = written === undefined ? undefined : parseLogFormat(written);
  if (written !== undefined && !format) {
    warn(`${path}.log_format ${quote(written)} is ignored: expected one of ${LOG_FORMATS.join(", ")}`);
  }
  const file = text(document, "log_file");
  return {
    level: level ?? "debug",
    ...(format && { format }),
    ...(file !== undefined && { file }),
    ...(file !== undefined && confinedTo && { confinedTo }),
  };
}
