/**
 * The commit of a build: read from git, and written into the bundle.
 *
 * @module
 */

/** What `src/version.ts` holds before a build. */
const STAMP = "@REVISION@";
const REVISION = /^[0-9a-f]{40}(-dirty)?$/;

/** The commit of a folder, with `-dirty` if tracked files differ from it. Undefined without git, or outside of a repository. */
export async function revisionOf(folder: string): Promise<string | undefined> {
  const commit = await git(folder, ["rev-parse", "HEAD"]);
  if (commit === undefined) return undefined;
  const changes = await git(folder, ["status", "--porcelain", "--untracked-files=no"]);
  return changes === "" ? commit : `${commit}-dirty`;
}

/** What git prints, without line feeds at its ends. Undefined if git is missing or fails. */
export async function git(folder: string, args: readonly string[]): Promise<string | undefined> {
  const command = new Deno.Command("git", { args: [...args], cwd: folder, stdin: "null", stderr: "null" });
  try {
    const { success, stdout } = await command.output(); // throws at once, without a promise, if git is missing
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes the commit into the chunks of a bundle.
 *
 * @param revision 40 hexadecimal digits, with or without `-dirty`
 * @throws {RangeError} the revision is invalid, or no chunk has a place for it
 */
export async function stamp(folder: string, revision: string): Promise<void> {
  if (!REVISION.test(revision)) {
    throw new RangeError(`--revision ${JSON.stringify(revision)}: expected the 40 hexadecimal digits of a commit`);
  }
  let stamped = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.endsWith(".js")) continue;
    const text = await Deno.readTextFile(`${folder}/${name}`);
    if (!text.includes(STAMP)) continue;
    await Deno.writeTextFile(`${folder}/${name}`, text.replaceAll(STAMP, revision));
    stamped++;
  }
  if (stamped === 0) throw new RangeError(`No file of ${folder} contains ${STAMP} of src/version.ts`);
}

/** Unix time in seconds of the commit: `SOURCE_DATE_EPOCH`, else by git, else 0. Files of a build get it, so that builds can be repeated. */
export async function timeOf(folder: string): Promise<number> {
  return Number(Deno.env.get("SOURCE_DATE_EPOCH") || await git(folder, ["log", "-1", "--format=%ct"]) || 0);
}
