/**
 * What the house rules share: the files, and how a rule fails.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Facts, listFiles, type Place, readFacts } from "./source.ts";

/** Every file of the project. */
export const FILES = listFiles();

/** The paths of all files. */
export const PATHS: ReadonlySet<string> = new Set(FILES.map(({ path }) => path));

/** Every TypeScript file with its facts. */
export const CODE: readonly Facts[] = FILES.filter(({ path }) => /\.tsx?$/.test(path)).map(readFacts);

/** What is shipped: not tests, not the tools around. */
export const PRODUCT: readonly Facts[] = CODE.filter(({ path }) => /^(src|drivers)\/|^(main|mod)\.ts$/.test(path));

/** Fails with one line per finding if there is any. */
export function none(rule: string, findings: readonly string[]): void {
  if (findings.length > 0) assert.fail(`${rule}:\n  ${findings.join("\n  ")}`);
}

/** Fails where a rule saw so little that it proves nothing. */
export function saw(what: string, count: number, least: number): void {
  assert(
    count >= least,
    `Saw ${count} ${what}, expected ${least} at least: does the rule still look at the right place?`,
  );
}

/** `path:line what`. */
export function at({ path }: Pick<Facts, "path">, { what, line }: Place): string {
  return `${path}:${line} ${what}`;
}

/** The folder of a path, without a slash at its end. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** The name of a package, without `npm:` and version. */
export function packageOf(specifier: string): string {
  return specifier.replace(/^npm:((?:@[^/]+\/)?[^@/]+)(?:@[^/]+)?/, "$1");
}
