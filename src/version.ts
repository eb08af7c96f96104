/**
 * Version and commit of this build.
 *
 * @module
 */

/** Version of this release; the same as in `deno.json`. */
export const VERSION = "0.1.0";

/** A build replaces this text by the commit (`install/revision.ts`). */
const STAMP = "@REVISION@";

/** Commit of this build, with `-dirty` if files differed from it; `unknown` from source, or if the build found no commit. */
export const REVISION: string = /^[0-9a-f]{40}(-dirty)?$/.test(STAMP) ? STAMP : "unknown";
