/**
 * The library of a release, which JSR packs from the source: here it is only checked.
 *
 * @module
 */
import { messageOf } from "../../src/values/errors.ts";
import { outputOf } from "../command.ts";
import type { Gap } from "./types.ts";

/** Checks that the library can be published, without publishing it. */
export async function checkLibrary(): Promise<readonly Gap[]> {
  try {
    await outputOf([Deno.execPath(), "publish", "--dry-run", "--allow-dirty", "--quiet"]);
    return [];
  } catch (error) {
    return [{ what: "library", kind: "missing", reason: `JSR would refuse it: ${messageOf(error)}` }];
  }
}
