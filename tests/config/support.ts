/**
 * Loads configurations in tests, in memory. The store is named by default, so that no warning about it disturbs a test.
 *
 * @module
 */
import assert from "node:assert/strict";
import { formatIp, type Ip } from "../../src/address/ip.ts";
import type { IpRange } from "../../src/address/range.ts";
import { isObject } from "../../src/values/json.ts";
import { loadConfig, type LoadInput } from "../../src/config/load.ts";
import { ConfigError, type Loaded } from "../../src/config/types.ts";
import { memoryWorld, type MemoryWorldOptions } from "../support/world.ts";

/** The path of the flat file on most nodes, which is the second of the search. */
export const FLAT_FILE = "/etc/cni/net.d/whereabouts.d/whereabouts.conf";

/** Options of a test. */
export interface LoadOptions extends Omit<LoadInput, "conf"> {
  /** Members of the network configuration besides `name` and `ipam`. */
  readonly conf?: Readonly<Record<string, unknown>>;
  /** Files by path. An object is written as JSON. */
  readonly files?: Readonly<Record<string, unknown>>;
  /** Empty folders. */
  readonly folders?: readonly string[];
}

/** Loads a network whose `ipam` has these fields in addition to type and store. */
export function load(ipam: Readonly<Record<string, unknown>>, options: LoadOptions = {}): Promise<Loaded> {
  return loadExactly({ type: "whereabouts", datastore: "embedded", ...ipam }, options);
}

/**
 * Loads a network with exactly this `ipam`, of which the operator is the author; `trust_test.ts` covers tenants. The default purpose of a
 * network without a range is `store`.
 */
export function loadExactly(ipam: unknown, options: LoadOptions = {}): Promise<Loaded> {
  const { conf, files = {}, folders = [], ...input } = options;
  const allocates = isObject(ipam) && ["range", "ipRanges", "addresses"].some((key) => key in ipam);
  const requests = input.pod !== undefined || input.ip !== undefined || input.gateway !== undefined;
  const purpose = allocates || requests ? {} : { purpose: "store" as const };
  const texts: Record<string, string | Error> = {};
  for (const [path, content] of Object.entries(files)) {
    texts[path] = typeof content === "string" || content instanceof Error ? content : JSON.stringify(content);
  }
  const world: MemoryWorldOptions = { files: texts, folders };
  return loadConfig(memoryWorld(world), {
    conf: { name: "net", ipam, ...conf },
    author: "operator",
    ...purpose,
    ...input,
  });
}

/** Returns the error of a load that must fail. */
export async function failure(loading: Promise<Loaded>): Promise<ConfigError> {
  const outcome = await loading.then(() => undefined, (error: unknown) => error);
  assert.ok(outcome instanceof ConfigError, `expected a ConfigError, got ${outcome ?? "success"}`);
  return outcome;
}

/** Asserts that a load fails with this field, and that the message contains these parts. */
export async function refuses(loading: Promise<Loaded>, field: string, ...parts: string[]): Promise<void> {
  const { field: found, message } = await failure(loading);
  assert.equal(found, field, message);
  for (const part of parts) assert.ok(message.includes(part), `"${message}" lacks "${part}"`);
  assert.match(message, /^[A-Z].*[^.]$/s);
}

/** An address as text. Undefined stays undefined. */
export function ipText(ip: Ip | undefined): string | undefined {
  return ip && formatIp(ip);
}

/** `first..last` of a range. */
export function bounds({ cidr: { family }, first, last }: IpRange): string {
  return `${formatIp({ family, value: first })}..${formatIp({ family, value: last })}`;
}
