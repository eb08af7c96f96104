/**
 * Addresses and gateways that come with a request: `IP` and `GATEWAY` of CNI_ARGS, `args.cni.ips`, `runtimeConfig.ips`.
 *
 * @module
 */
import { isObject } from "../values/json.ts";
import { list, readDocument } from "./document.ts";
import { ConfigError } from "./types.ts";

/** Addresses, and gateways, that a caller may ask for: more is a mistake or an attack. */
const MOST_WANTED = 1_000;

/** An address somebody asks for, and where it was asked. */
export interface Wanted {
  /** The field, for messages. */
  readonly field: string;
  /** The address, with a prefix length where one was given. */
  readonly value: string;
}

/** What comes with a request. */
export interface Asked {
  /** Addresses asked for. */
  readonly requested: readonly Wanted[];
  /** Gateways for static addresses. */
  readonly gateways: readonly Wanted[];
}

/** Gathers them, as text. @throws {ConfigError} they are no lists of texts, or too many */
export function readAsked(conf: Record<string, unknown>, ip: string | undefined, gateway: string | undefined): Asked {
  return {
    requested: few("requested addresses", requestedAddresses(conf, ip)),
    gateways: few("gateways", split("CNI_ARGS GATEWAY", gateway)),
  };
}

function few(what: string, wanted: Wanted[]): Wanted[] {
  const beyond = wanted[MOST_WANTED];
  if (!beyond) return wanted;
  throw new ConfigError(
    beyond.field,
    `Cannot use ${beyond.field}: found ${wanted.length} ${what}, wanted at most ${MOST_WANTED}`,
  );
}

function requestedAddresses(conf: Record<string, unknown>, ip: string | undefined): Wanted[] {
  const args = isObject(conf.args) && isObject(conf.args.cni) ? conf.args.cni : {};
  const runtime = isObject(conf.runtimeConfig) ? conf.runtimeConfig : {};
  return [
    ...split("CNI_ARGS IP", ip),
    ...wantedOf("args.cni.ips", args),
    ...wantedOf("runtimeConfig.ips", runtime),
  ];
}

function wantedOf(field: string, holder: Record<string, unknown>): Wanted[] {
  if (holder.ips === undefined || holder.ips === null) return [];
  const read = readDocument({ ips: holder.ips }, { ips: "strings" }, field.slice(0, -".ips".length), () => {});
  return list(read, "ips").map((value, i) => ({ field: `${field}[${i}]`, value: String(value) }));
}

function split(field: string, value: string | undefined): Wanted[] {
  return (value ?? "").split(",").map((part) => part.trim()).filter((part) => part !== "").map((part) => ({
    field,
    value: part,
  }));
}
