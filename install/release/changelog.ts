/**
 * The changelog in the form of keepachangelog.com: the notes of a release.
 *
 * @module
 */

/**
 * The section of a version, without its heading.
 *
 * @throws {RangeError} the version has no dated section
 */
export function notesOf(changelog: string, version: string): string {
  const lines = changelog.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`## [${version}] - `));
  if (!/ - \d{4}-\d{2}-\d{2}$/.test(lines[start] ?? "")) {
    throw new RangeError(
      `CHANGELOG.md has no heading "## [${version}] - YYYY-MM-DD": move the entries of [Unreleased]`,
    );
  }
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^## |^\[[^\]]+\]: /.test(line));
  return rest.slice(0, end < 0 ? undefined : end).join("\n").trim();
}
