/**
 * The values that the parts of a release share.
 *
 * @module
 */

/** A release in progress. */
export interface Release {
  /** Its version, without `v`. */
  readonly version: string;
  /** Its commit, as `src/version.ts` has it. */
  readonly revision: string;
  /** Unix time of the commit in seconds: the date of everything that has one. */
  readonly time: number;
  /** Folder of its files. */
  readonly folder: string;
}

/** Something that keeps a release from being complete. */
export interface Gap {
  /** The file, or the property of the release. */
  readonly what: string;
  /** `missing`: it was not made. `unverified`: it was made from something that is not pinned. */
  readonly kind: "missing" | "unverified";
  /** The reason, and the remedy. */
  readonly reason: string;
}

/** Makes files of a release. Returns what is missing. */
export type Part = (release: Release) => Promise<readonly Gap[]>;
