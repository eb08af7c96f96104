/**
 * Addresses and gateways that come with a call: `IP` and `GATEWAY` of CNI_ARGS, `args.cni.ips`, `runtimeConfig.ips`.
 *
 * @module
 */
import { contains, formatCidr, type IpInCidr, parseCidr } from "../address/cidr.ts";
import { formatIp, type Ip, parseIp, sameIp } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import { requestedOf } from "../pool/requested.ts";
import { isObject } from "../values/json.ts";
import { list, quote, readDocument, type Warn } from "./document.ts";
import { ConfigError, RequestRefusedError, type StaticAddress } from "./types.ts";

/** Addresses, and gateways, that a caller may ask for: more is a mistake or an attack. */
const MAX_REQUESTED = 1_000;

/** An address somebody asks for, and where it was asked. */
export interface RequestedAddress {
  /** The field, for messages. */
  readonly field: string;
  /** The address, with a prefix length where one was given. */
  readonly value: string;
}

/** What comes with a request. */
export interface RequestedAddresses {
  /** Addresses asked for. */
  readonly requested: readonly RequestedAddress[];
  /** Gateways for static addresses. */
  readonly gateways: readonly RequestedAddress[];
}

/** Gathers them, as text. @throws {ConfigError} they are no lists of texts, or too many */
export function readRequested(
  conf: Record<string, unknown>,
  ip: string | undefined,
  gateway: string | undefined,
): RequestedAddresses {
  return {
    requested: few("requested addresses", requestedAddresses(conf, ip)),
    gateways: few("gateways", split("CNI_ARGS GATEWAY", gateway)),
  };
}

function few(what: string, wanted: RequestedAddress[]): RequestedAddress[] {
  const beyond = wanted[MAX_REQUESTED];
  if (!beyond) return wanted;
  throw new ConfigError(
    beyond.field,
    `Cannot use ${beyond.field}: found ${wanted.length} ${what}, wanted at most ${MAX_REQUESTED}`,
  );
}

function requestedAddresses(conf: Record<string, unknown>, ip: string | undefined): RequestedAddress[] {
  const args = isObject(conf.args) && isObject(conf.args.cni) ? conf.args.cni : {};
  const runtime = isObject(conf.runtimeConfig) ? conf.runtimeConfig : {};
  return [
    ...split("CNI_ARGS IP", ip),
    ...wantedOf("args.cni.ips", args),
    ...wantedOf("runtimeConfig.ips", runtime),
  ];
}

function wantedOf(field: string, holder: Record<string, unknown>): RequestedAddress[] {
  if (holder.ips === undefined || holder.ips === null) return [];
  const read = readDocument({ ips: holder.ips }, { ips: "strings" }, field.slice(0, -".ips".length), () => {});
  return list(read, "ips").map((value, i) => ({ field: `${field}[${i}]`, value: String(value) }));
}

function split(field: string, value: string | undefined): RequestedAddress[] {
  return (value ?? "").split(",").map((part) => part.trim()).filter((part) => part !== "").map((part) => ({
    field,
    value: part,
  }));
}

/** Which addresses a caller may request: those that a range may allocate, or any. */
export type Requests = "ranges" | "any";

/** What became of the addresses asked for. */
export interface Sorted {
  /** Those in the network of a range: allocated there. */
  readonly inside: readonly Ip[];
  /** Those outside of every range: given as they are. */
  readonly outside: readonly StaticAddress[];
}

/**
 * Sorts the addresses asked for by whether the network of a range contains them. Whether the range may allocate them is decided with the
 * pool at hand: an owner keeps what it has.
 *
 * @throws {RequestRefusedError} an address outside all ranges, where that is not allowed
 * @throws {ConfigError} text that is no address, an address outside without prefix length, two addresses for one range
 */
export function sortRequested(
  wanted: readonly RequestedAddress[],
  ranges: readonly IpRange[],
  requests: Requests,
  warn: Warn,
): Sorted {
  const inside: Ip[] = [];
  const outside: StaticAddress[] = [];
  for (const { field, value } of wanted) {
    const { ip, prefix } = readWanted(field, value);
    if (inside.some((seen) => sameIp(seen, ip)) || outside.some((seen) => sameIp(seen.ip, ip))) continue;
    if (ranges.some(({ cidr }) => contains(cidr, ip))) {
      inside.push(ip);
      refuseSecond(inside, ranges, field);
    } else {
      outside.push({ ip, prefix: outsidePrefix(field, ip, prefix, ranges, requests) });
      warn(`${field} ${formatIp(ip)} lies in no range: it is given as it is and tracked in no pool`);
    }
  }
  return { inside, outside };
}

function refuseSecond(inside: readonly Ip[], ranges: readonly IpRange[], field: string): void {
  const ip = inside.at(-1);
  const given = requestedOf(ranges, inside).filter((value) => value !== undefined).length;
  if (!ip || given === inside.length) return;
  throw new ConfigError(
    field,
    `Cannot give ${formatIp(ip)} of ${field}: its range gives one address, and another one is requested`,
  );
}

/** The prefix length of an address outside all ranges. @throws {ConfigError} it may not be given, or has none */
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
    `Cannot give ${formatIp(ip)} of ${field}: no range contains it, so it needs a prefix length`,
  );
}

function readWanted(field: string, value: string): { ip: Ip; prefix?: number } {
  const parsed: IpInCidr | undefined = parseCidr(value, SLOPPY);
  if (parsed) return { ip: parsed.ip, prefix: parsed.cidr.prefix };
  return { ip: readIp(value, field) };
}

/** As the original reads addresses: with leading zeros, as decimal. */
export const SLOPPY = { leadingZeros: true };

/** Reads an address. @throws {ConfigError} the text is no address */
export function readIp(value: string, field: string): Ip {
  const ip = parseIp(value, SLOPPY);
  if (ip) return ip;
  throw new ConfigError(field, `Cannot read ${field} ${quote(value)}: wanted an address such as "10.0.0.1"`);
}
