/**
 * Folders of the real machine. Folders that this program creates, and folders that belong to it alone, are closed to other users.
 *
 * @module
 */
import { isBelow, normalize } from "./confine.ts";
import { DATA_FOLDER, RUN_FOLDER } from "../paths.ts";

/** Permissions of a folder that we create: its owner alone. */
const MODE = 0o700;
/** Permissions of the group and of other users. */
const OTHERS = 0o077;

/** Folders whose mode this process has checked. */
const closed = new Set<string>();

/** Creates a folder and its parents with mode 0700. Existing folders keep their mode, unless they belong to this program alone. */
export function makeFolder(folder: string): void {
  Deno.mkdirSync(folder, { recursive: true, mode: MODE });
  closeOwn(folder);
}

/** Opens a file, and creates its folder if that is missing. */
export function openIn<T>(folder: string, open: () => T): T {
  try {
    closeOwn(folder);
    return open();
  } catch (error) {
    ignoreAbsence(error);
    makeFolder(folder);
    return open();
  }
}

/** @throws the error, unless it is NotFound */
export function ignoreAbsence(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** Closes the program's own folders to others: a kubelet creates the folders that pods mount with mode 0755. */
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
 * Removes the permissions of group and others from an existing file or folder. If another user owns it, or the disk is mounted read-only, it
 * stays unchanged, without an error.
 *
 * @throws {Deno.errors.NotFound} the path does not exist
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
