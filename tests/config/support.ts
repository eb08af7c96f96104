/**
 * Loading configurations in tests: in memory, with one store named so that only what a test is about is warned of.
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

/** The flat file that is searched second and exists on most nodes. */
export const FLAT_FILE = "/etc/cni/net.d/whereabouts.d/whereabouts.conf";

/** How a test loads. */
export interface LoadOptions extends Omit<LoadInput, "conf"> {
  /** Members of the network configuration besides `name` and `ipam`. */
  readonly conf?: Readonly<Record<string, unknown>>;
  /** Files by path: an object becomes JSON. */
  readonly files?: Readonly<Record<string, unknown>>;
  /** Folders without files. */
  readonly folders?: readonly string[];
}

/** Loads a network whose `ipam` has these fields besides type and store. */
export function load(ipam: Readonly<Record<string, unknown>>, options: LoadOptions = {}): Promise<Loaded> {
  return loadExactly({ type: "whereabouts", datastore: "embedded", ...ipam }, options);
}

/**
 * Loads a network with this very `ipam`, which the operator wrote: `trust_test.ts` has what a tenant may not write. One without anything to
 * allocate from is loaded for its store, unless the test says what for.
 */
export function loadExactly(ipam: unknown, options: LoadOptions = {}): Promise<Loaded> {
  const { conf, files = {}, folders = [], ...input } = options;
  const allocates = isObject(ipam) && ["range", "ipRanges", "addresses"].some((key) => key in ipam);
  const asks = input.pod !== undefined || input.ip !== undefined || input.gateway !== undefined;
  const purpose = allocates || asks ? {} : { purpose: "store" as const };
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

/** The error of a load that must fail. */
export async function failure(loading: Promise<Loaded>): Promise<ConfigError> {
  const outcome = await loading.then(() => undefined, (error: unknown) => error);
  assert.ok(outcome instanceof ConfigError, `wanted a ConfigError, found ${outcome ?? "success"}`);
  return outcome;
}

/** Asserts that a load fails over this field, with this in its message. */
export async function refuses(loading: Promise<Loaded>, field: string, ...parts: string[]): Promise<void> {
  const { field: found, message } = await failure(loading);
  assert.equal(found, field, message);
  for (const part of parts) assert.ok(message.includes(part), `"${message}" lacks "${part}"`);
  assert.match(message, /^[A-Z].*[^.]$/s);
}

/** An address as text; undefined stays. */
export function ipText(ip: Ip | undefined): string | undefined {
  return ip && formatIp(ip);
}

/** `first..last` of a range. */
export function bounds({ cidr: { family }, first, last }: IpRange): string {
  return `${formatIp({ family, value: first })}..${formatIp({ family, value: last })}`;
}
