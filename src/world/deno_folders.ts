/**
 * Folders of the real machine: what is made is closed to other users, and so are those that are ours alone, whoever made them.
 *
 * @module
 */
import { isBelow, normalize } from "./confine.ts";
import { DATA_FOLDER, RUN_FOLDER } from "./world.ts";

const MODE = 0o700;
/** Rights of the group and of other users. */
const OTHERS = 0o077;

/** Those whose mode this process has seen to. */
const closed = new Set<string>();

/** Makes a folder, and those above it, mode 0700. Folders that exist keep their mode, unless they are ours alone. */
export function makeFolder(folder: string): void {
  Deno.mkdirSync(folder, { recursive: true, mode: MODE });
  closeOwn(folder);
}

/** Opens a file, and makes its folder where that is missing. */
export function openIn(folder: string, open: () => Deno.FsFile): Deno.FsFile {
  try {
    closeOwn(folder);
    return open();
  } catch (error) {
    ignoreAbsence(error);
    makeFolder(folder);
    return open();
  }
}

/** @throws the error, unless it says that something is missing */
export function ignoreAbsence(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** A kubelet makes the folders that pods mount with mode 0755. */
function closeOwn(folder: string): void {
  if (closed.has(folder)) return;
  const path = normalize(folder);
  const own = [DATA_FOLDER, RUN_FOLDER].find((one) => path !== undefined && isBelow(path, [one]));
  if (path === undefined || own === undefined) return;
  const below = path.slice(own.length).split("/").slice(1);
  for (let i = 0; i <= below.length; i++) closeToOthers([own, ...below.slice(0, i)].join("/"));
  closed.add(folder);
}

/**
 * Takes the rights of group and others from a file or folder that is there. Where somebody else owns it, or the disk is mounted read-only, it
 * stays as it is: who may not change that does not fail for it.
 *
 * @throws {Deno.errors.NotFound} there is nothing
 */
export function closeToOthers(path: string): void {
  const { mode } = Deno.statSync(path);
  if (mode === null || (mode & OTHERS) === 0) return;
  try {
    Deno.chmodSync(path, mode & MODE);
  } catch (error) {
    ignoreRefusal(error);
  }
}

function ignoreRefusal(error: unknown): void {
  const isReadOnly = error instanceof Error && "code" in error && error.code === "EROFS";
  if (!isReadOnly && !(error instanceof Deno.errors.PermissionDenied)) throw error;
}
