/**
 * The addresses and gateways that a call requests: `IP` and `GATEWAY` of CNI_ARGS, `args.cni.ips`, `runtimeConfig.ips`.
 *
 * @module
 */
import { contains, formatCidr, type IpInCidr, parseCidr } from "../address/cidr.ts";
import { formatIp, type Ip, parseIp, sameIp } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import { requestedOf } from "../pool/requested.ts";
import { isObject } from "../values/json.ts";
import { list, quote, readDocument, type Warn } from "./document.ts";
import { LENIENT } from "./ranges.ts";
import { ConfigError, RequestRefusedError, type StaticAddress } from "./types.ts";

/** The maximum number of addresses, and of gateways, in one call: more is a mistake or an attack. */
const MAX_REQUESTED = 1_000;

/** A requested address. */
export interface RequestedAddress {
  /** The field that requests it, for messages. */
  readonly field: string;
  /** The address as text, with or without a prefix length. */
  readonly value: string;
}

/** What a call requests. */
export interface RequestedAddresses {
  /** Addresses. */
  readonly requested: readonly RequestedAddress[];
  /** Gateways for static addresses. */
  readonly gateways: readonly RequestedAddress[];
}

/** Reads the requests of a call as text. @throws {ConfigError} not a list of strings, or too many */
export function readRequested(
  conf: Record<string, unknown>,
  ip: string | undefined,
  gateway: string | undefined,
): RequestedAddresses {
  return {
    requested: limited("requested addresses", requestedAddresses(conf, ip)),
    gateways: limited("gateways", split("CNI_ARGS GATEWAY", gateway)),
  };
}

function limited(noun: string, requested: RequestedAddress[]): RequestedAddress[] {
  const beyond = requested[MAX_REQUESTED];
  if (!beyond) return requested;
  throw new ConfigError(
    beyond.field,
    `Cannot use ${beyond.field}: found ${requested.length} ${noun}, expected at most ${MAX_REQUESTED}`,
  );
}

function requestedAddresses(conf: Record<string, unknown>, ip: string | undefined): RequestedAddress[] {
  const args = isObject(conf.args) && isObject(conf.args.cni) ? conf.args.cni : {};
  const runtime = isObject(conf.runtimeConfig) ? conf.runtimeConfig : {};
  return [
    ...split("CNI_ARGS IP", ip),
    ...requestedIn("args.cni.ips", args),
    ...requestedIn("runtimeConfig.ips", runtime),
  ];
}

function requestedIn(field: string, object: Record<string, unknown>): RequestedAddress[] {
  if (object.ips === undefined || object.ips === null) return [];
  const read = readDocument({ ips: object.ips }, { ips: "strings" }, field.slice(0, -".ips".length), () => {});
  return list(read, "ips").map((value, i) => ({ field: `${field}[${i}]`, value: String(value) }));
}

function split(field: string, value: string | undefined): RequestedAddress[] {
  return (value ?? "").split(",").map((part) => part.trim()).filter((part) => part !== "").map((part) => ({
    field,
    value: part,
  }));
}

/** The addresses that a caller may request: those that a range may allocate, or any. */
export type Requests = "ranges" | "any";

/** The requested addresses. */
interface Sorted {
  /** Those in the network of a range, to be allocated from it. */
  readonly inside: readonly Ip[];
  /** Those outside of every range, to be assigned without a pool. */
  readonly outside: readonly StaticAddress[];
}

/**
 * Sorts the requested addresses by whether the network of a range contains them. Whether the range may allocate them depends on the pool, since
 * an owner keeps its allocations.
 *
 * @throws {RequestRefusedError} an address outside of all ranges, unless `requests` is `any`
 * @throws {ConfigError} an invalid address, an address outside of all ranges without a prefix length, or two addresses for one range
 */
export function sortRequested(
  requested: readonly RequestedAddress[],
  ranges: readonly IpRange[],
  requests: Requests,
  warn: Warn,
): Sorted {
  const inside: Ip[] = [];
  const outside: StaticAddress[] = [];
  for (const { field, value } of requested) {
    const { ip, prefix } = readAddress(field, value);
    if (inside.some((seen) => sameIp(seen, ip)) || outside.some((seen) => sameIp(seen.ip, ip))) continue;
    if (ranges.some(({ cidr }) => contains(cidr, ip))) {
      inside.push(ip);
      refuseSecond(inside, ranges, field);
    } else {
      outside.push({ ip, prefix: outsidePrefix(field, ip, prefix, ranges, requests) });
      warn(`${field} ${formatIp(ip)} is in no range: it is assigned unchanged, and no pool records it`);
    }
  }
  return { inside, outside };
}

function refuseSecond(inside: readonly Ip[], ranges: readonly IpRange[], field: string): void {
  const ip = inside.at(-1);
  const assigned = requestedOf(ranges, inside).filter((value) => value !== undefined).length;
  if (!ip || assigned === inside.length) return;
  throw new ConfigError(
    field,
    `Cannot assign ${
      formatIp(ip)
    } of ${field}: another address of its range is requested, and a range assigns one address`,
  );
}

/** The prefix length of an address outside of all ranges. @throws {ConfigError} it is not allowed, or has no prefix length */
function outsidePrefix(
  field: string,
  ip: Ip,
  prefix: number | undefined,
  ranges: readonly IpRange[],
  requests: Requests,
): number {
  if (requests !== "any") {
    const known = ranges.map(({ cidr }) => formatCidr(cidr)).join(", ") || "none";
    throw new RequestRefusedError(
      field,
      `Cannot give ${
        formatIp(ip)
      } of ${field}: it is outside all ranges of the network (${known}), where no pool tracks it; ` +
        'request an address of a range, or write "requests": "any" into ipam',
    );
  }
  if (prefix !== undefined) return prefix;
  throw new ConfigError(
    field,
    `Cannot assign ${formatIp(ip)} of ${field}: no range contains it, so it needs a prefix length`,
  );
}

function readAddress(field: string, value: string): { ip: Ip; prefix?: number } {
  const parsed: IpInCidr | undefined = parseCidr(value, LENIENT);
  if (parsed) return { ip: parsed.ip, prefix: parsed.cidr.prefix };
  return { ip: readIp(value, field) };
}

/** Reads an address. @throws {ConfigError} it is invalid */
export function readIp(value: string, field: string): Ip {
  const ip = parseIp(value, LENIENT);
  if (ip) return ip;
  throw new ConfigError(field, `Cannot read ${field} ${quote(value)}: expected an address such as "10.0.0.1"`);
}
