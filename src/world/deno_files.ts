/**
 * Reads files of the real machine: only regular files, with limits on size and time. A configuration may name any path, and its author is
 * not always root.
 *
 * @module
 */
import { FILE_LIMITS, type FilePurpose } from "./world.ts";

/**
 * Folders on the node's own disk. If that does not answer, the node is lost, so files there are read synchronously: waking a thread costs a
 * short process a millisecond (measured: 3 to 4 ms of CPU for the files of an ADD). Volumes of pods are elsewhere.
 */
const OWN_DISK = ["/etc/", "/host/etc/", "/var/lib/cni/", "/run/secrets/", "/var/run/secrets/"];

/** Milliseconds for one file. A local disk takes less than one; a network file system that takes longer counts as unavailable. */
const READ_TIMEOUT = 5_000;

/** A path to something that must not be read. */
class UnreadableFileError extends Error {
  override readonly name = "UnreadableFileError";
}

/**
 * Reads a whole text file. Devices, FIFOs, sockets and folders are refused before they are opened: opening a FIFO waits for its writer.
 *
 * Reads at most the size that stat reports, so that the endless files of /proc are empty.
 *
 * @param purpose what the file is read for: sets the size limit
 * @param timeout milliseconds
 * @throws an error named `NotFound` if the path does not exist; otherwise the message names the path and the rule
 */
export async function readRegularFile(
  path: string,
  purpose: FilePurpose = "record",
  timeout: number = READ_TIMEOUT,
): Promise<string> {
  const limit = FILE_LIMITS[purpose];
  return isOnOwnDisk(path) ? readNow(path, limit) : await within(path, timeout, () => read(path, limit));
}

function isOnOwnDisk(path: string): boolean {
  return OWN_DISK.some((folder) => path.startsWith(folder)) && !path.includes("/../");
}

/** The absolute path after links are resolved. Fails as reading does if the path does not exist, or the disk does not answer in time. */
export async function realPathOf(path: string): Promise<string> {
  return isOnOwnDisk(path) ? Deno.realPathSync(path) : await within(path, READ_TIMEOUT, () => Deno.realPath(path));
}

/** The kind of object at a path. `other` if the disk does not answer in time. */
export async function kindOf(path: string): Promise<"file" | "folder" | "other" | "missing"> {
  try {
    const { isFile, isDirectory } = isOnOwnDisk(path)
      ? Deno.statSync(path)
      : await within(path, READ_TIMEOUT, () => Deno.stat(path));
    return isFile ? "file" : isDirectory ? "folder" : "other";
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? "missing" : "other";
  }
}

function readNow(path: string, limit: number): string {
  refuseUnlessReadable(path, Deno.statSync(path), limit);
  using file = Deno.openSync(path);
  const info = file.statSync(); // another file may stand there by now
  refuseUnlessReadable(path, info, limit);
  const buffer = new Uint8Array(info.size);
  let length = 0;
  while (length < buffer.length) {
    const count = file.readSync(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  return new TextDecoder().decode(buffer.subarray(0, length));
}

async function read(path: string, limit: number): Promise<string> {
  refuseUnlessReadable(path, await Deno.stat(path), limit);
  using file = await Deno.open(path);
  const info = await file.stat(); // another file may stand there by now
  refuseUnlessReadable(path, info, limit);
  const buffer = new Uint8Array(info.size);
  let length = 0;
  while (length < buffer.length) {
    const count = await file.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  return new TextDecoder().decode(buffer.subarray(0, length));
}

function refuseUnlessReadable(path: string, { isFile, size }: Deno.FileInfo, limit: number): void {
  const quoted = JSON.stringify(path);
  if (!isFile) {
    throw new UnreadableFileError(`Cannot read ${quoted}: not a regular file (a folder, device, FIFO or socket)`);
  }
  if (size <= limit) return;
  throw new UnreadableFileError(`Cannot read ${quoted}: it has ${size} bytes, expected at most ${limit}`);
}

/** Rejects after the timeout. The work continues, since nothing can stop it, and closes what it opens. */
async function within<T>(path: string, timeout: number, work: () => Promise<T>): Promise<T> {
  const timedOut = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    timedOut.reject(
      new UnreadableFileError(
        `Cannot read ${JSON.stringify(path)}: no answer from the disk within ${timeout / 1000} s`,
      ),
    );
  }, timeout);
  const working = work();
  working.catch(() => {}); // after the timeout nobody else handles its rejection
  try {
    return await Promise.race([working, timedOut.promise]);
  } finally {
    clearTimeout(timer);
  }
}
