/**
 * Paths below folders, as whoever checks them sees them: by their text, and by where links lead.
 *
 * @module
 */
import type { World } from "./world.ts";

/** A path that leads out of the folders that it may be in. */
export class ConfinedPathError extends Error {
  /** The class, for logs. */
  override name = "ConfinedPathError";
}

/**
 * An absolute path without `.`, `..` and double slashes.
 *
 * @returns undefined where the path is relative or has a NUL character
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

/** Whether a normalized path is one of the folders or below one. */
export function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => folder === "/" || path === folder || path.startsWith(`${folder}/`));
}

/**
 * Where a path leads, links followed; what does not exist yet is taken from the folder that does.
 *
 * @throws {ConfinedPathError} it is relative, or leads out of the folders. A path that is outside by its text is not touched at all
 */
export async function resolveBelow(
  world: Pick<World, "realPath">,
  path: string,
  folders: readonly string[],
): Promise<string> {
  const text = normalize(path);
  if (text === undefined || !isBelow(text, folders)) throw outside(path, folders);
  const real = await realPathOf(world, text);
  const nearest = folders.filter((folder) => isBelow(text, [folder])); // mostly it is in there, and no other is looked up
  for (const folder of new Set([...nearest, ...folders])) {
    if (isBelow(real, [await realPathOf(world, folder)])) return real;
  }
  throw outside(path, folders);
}

/** A World that reads files below the folders only. Whatever else it does is that of the other one. */
export function confine(world: World, folders: readonly string[]): World {
  return {
    ...world,
    readTextFile: async (path, purpose) => await world.readTextFile(await resolveBelow(world, path, folders), purpose),
  };
}

/** Errors that say there is nothing at a path: who opens it gets the same. */
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
