/**
 * Checks that paths stay inside folders, both as text and after links are resolved.
 *
 * @module
 */
import type { World } from "./world.ts";

/** A path outside the allowed folders. */
export class ConfinedPathError extends Error {
  /** The class, for logs. */
  override name = "ConfinedPathError";
}

/**
 * An absolute path without `.`, `..` and double slashes.
 *
 * @returns undefined if the path is relative or contains a NUL character
 */
export function normalize(path: string): string | undefined {
  if (!path.startsWith("/") || path.includes("\0")) return undefined;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** Whether a normalized path is one of the folders or inside one. */
export function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => folder === "/" || path === folder || path.startsWith(`${folder}/`));
}

/**
 * Resolves the links of a path. A path that does not exist is resolved from its nearest existing folder.
 *
 * @throws {ConfinedPathError} the path is relative, or outside the folders. A path whose text is outside is rejected without file access
 */
export async function resolveBelow(
  world: Pick<World, "realPath">,
  path: string,
  folders: readonly string[],
): Promise<string> {
  const text = normalize(path);
  if (text === undefined || !isBelow(text, folders)) throw outside(path, folders);
  const real = await realPathOf(world, text);
  const nearest = folders.filter((folder) => isBelow(text, [folder])); // usually matches: no other folder is resolved
  for (const folder of new Set([...nearest, ...folders])) {
    if (isBelow(real, [await realPathOf(world, folder)])) return real;
  }
  throw outside(path, folders);
}

/** The same World, except that it reads only files inside the folders. */
export function confine(world: World, folders: readonly string[]): World {
  return {
    ...world,
    readTextFile: async (path, purpose) => await world.readTextFile(await resolveBelow(world, path, folders), purpose),
  };
}

/** Names of errors for a missing path. Opening the path fails with the same error. */
const MISSING = ["NotFound", "NotADirectory"];

async function realPathOf(world: Pick<World, "realPath">, path: string): Promise<string> {
  if (path === "/") return path;
  try {
    return await world.realPath(path);
  } catch (error) {
    if (!(error instanceof Error) || !MISSING.includes(error.name)) throw error;
    const at = path.lastIndexOf("/");
    const folder = await realPathOf(world, path.slice(0, at) || "/");
    return `${folder === "/" ? "" : folder}${path.slice(at)}`;
  }
}

function outside(path: string, folders: readonly string[]): ConfinedPathError {
  return new ConfinedPathError(`${JSON.stringify(path)} is not below ${folders.join(", ")}`);
}
