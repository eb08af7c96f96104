/**
 * Versions of the CNI specification: which are spoken, and what a verb needs.
 *
 * @module
 */

/** Every version this plugin speaks, oldest first. */
export const SUPPORTED_VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

/** A version this plugin speaks. */
export type CniVersion = typeof SUPPORTED_VERSIONS[number];

/** The newest version. */
export const NEWEST_VERSION: CniVersion = "1.1.0";

/** The version a configuration names; absent and empty mean 0.1.0. Undefined: one that is not spoken. */
export function supportedVersion(version: unknown): CniVersion | undefined {
  if (version === undefined || version === null || version === "") return "0.1.0";
  return SUPPORTED_VERSIONS.find((one) => one === version);
}

/** Whether a version is the given one or newer. */
export function atLeast(version: CniVersion, oldest: CniVersion): boolean {
  return SUPPORTED_VERSIONS.indexOf(version) >= SUPPORTED_VERSIONS.indexOf(oldest);
}

/** The answer to VERSION: one line. */
export function versionAnswer(): string {
  return `${JSON.stringify({ cniVersion: NEWEST_VERSION, supportedVersions: SUPPORTED_VERSIONS })}\n`;
}
