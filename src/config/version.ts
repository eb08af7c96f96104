/**
 * The supported versions of the CNI specification.
 *
 * @module
 */

/** Every supported version, oldest first. */
export const SUPPORTED_VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

/** A supported version. */
export type CniVersion = typeof SUPPORTED_VERSIONS[number];

/** The newest supported version. */
export const NEWEST_VERSION: CniVersion = "1.1.0";

/** The version of a configuration; 0.1.0 if absent or empty. Undefined if it is unsupported. */
export function supportedVersion(version: unknown): CniVersion | undefined {
  if (version === undefined || version === null || version === "") return "0.1.0";
  return SUPPORTED_VERSIONS.find((one) => one === version);
}

/** Whether a version is `oldest` or newer. */
export function atLeast(version: CniVersion, oldest: CniVersion): boolean {
  return SUPPORTED_VERSIONS.indexOf(version) >= SUPPORTED_VERSIONS.indexOf(oldest);
}

/** The answer to VERSION: one line. */
export function versionAnswer(): string {
  return `${JSON.stringify({ cniVersion: NEWEST_VERSION, supportedVersions: SUPPORTED_VERSIONS })}\n`;
}
