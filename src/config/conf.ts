/**
 * What every network configuration must have, whoever its IPAM plugin is: a name and a version of the specification.
 *
 * @module
 */
import { SUPPORTED_VERSIONS, supportedVersion } from "./version.ts";

/** Names of networks and sandboxes, as the CNI specification has them. */
export const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** Longest network name: that of a Kubernetes object, since a network without a name gets that of its definition. */
const LONGEST_NETWORK = 253;

/** What a {@linkcode NAME} is, in words. */
export function nameWords(limit: number): string {
  return `at most ${limit} letters, digits, "_", "." and "-", the first a letter or digit`;
}

/** Why a network's `name` is refused; undefined: it is not. */
export function nameFault(name: unknown): string | undefined {
  if (name === undefined || name === "") return "Missing name in the network configuration";
  if (typeof name === "string" && NAME.test(name) && name.length <= LONGEST_NETWORK) return undefined;
  return `Cannot use name ${shown(name)} of the network configuration: wanted ${nameWords(LONGEST_NETWORK)}`;
}

/** Why a `cniVersion` is refused, and which ones are not; undefined: it is supported. */
export function versionFault(version: unknown): { readonly fault: string; readonly supported: string } | undefined {
  if (supportedVersion(version)) return undefined;
  return {
    fault: `Cannot serve cniVersion ${shown(version)}`,
    supported: `supported are ${SUPPORTED_VERSIONS.join(", ")}`,
  };
}

/** A value for a message, which may be of any length. */
export function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : typeof value;
}
