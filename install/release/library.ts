/**
 * The library of a release, which JSR packs from the source: here it is only checked.
 *
 * @module
 */
import type { Gap } from "./types.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Checks that the library can be published, without publishing it. */
export async function checkLibrary(): Promise<readonly Gap[]> {
  const args = ["publish", "--dry-run", "--allow-dirty", "--quiet"];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdin: "null" }).output();
  if (success) return [];
  return [{
    what: "library",
    kind: "missing",
    reason: `JSR would refuse it: ${new TextDecoder().decode(stderr).trim()}`,
  }];
}
