/**
 * What every network configuration needs, whatever its IPAM plugin: a name and a version of the specification.
 *
 * @module
 */
import { SUPPORTED_VERSIONS, supportedVersion } from "./version.ts";

/** The syntax of network names and container ids in the CNI specification. */
export const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** The longest name of a Kubernetes object, in characters: a network without a name gets that of its NetworkAttachmentDefinition. */
const MAX_NETWORK_NAME_LENGTH = 253;

/** Describes a {@linkcode NAME} in an error message. */
export function nameWords(limit: number): string {
  return `at most ${limit} letters, digits, "_", "." and "-", the first a letter or digit`;
}

/** Why a network's `name` is refused. Undefined if it is valid. */
export function nameFault(name: unknown): string | undefined {
  if (name === undefined || name === "") return "Missing name in the network configuration";
  if (typeof name === "string" && NAME.test(name) && name.length <= MAX_NETWORK_NAME_LENGTH) return undefined;
  return `Cannot use name ${shown(name)} of the network configuration: expected ${nameWords(MAX_NETWORK_NAME_LENGTH)}`;
}

/** Why a `cniVersion` is refused, and the supported versions. Undefined if it is supported. */
export function versionFault(version: unknown): { readonly fault: string; readonly supported: string } | undefined {
  if (supportedVersion(version)) return undefined;
  return {
    fault: `Cannot serve cniVersion ${shown(version)}`,
    supported: `supported are ${SUPPORTED_VERSIONS.join(", ")}`,
  };
}

/** Formats a value for a message: a long string is cut, any other value is represented by its type. */
export function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : typeof value;
}
