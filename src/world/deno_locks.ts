/**
 * Locks between the processes of a node: one locked file per name.
 *
 * The holder removes the file when it releases the lock, so that no files pile up. A waiting process then gets the lock of a removed file,
 * while another process may create and lock a new one. So each process checks, once it has the lock, that its file still has the name, and
 * starts over if not.
 *
 * @module
 */
import { unlessAborted } from "../async/abort.ts";
import { openIn } from "./deno_folders.ts";
import { RUN_FOLDER } from "../paths.ts";
import type { Lock, World } from "./world.ts";

/** The folder of the files. It is empty after a reboot. */
const FOLDER = `${RUN_FOLDER}/locks`;
/** Max threads that wait for locks: the runtime has 512, and lock holders need some. Further callers poll. */
const MAX_THREADS = 64;
/** Milliseconds between two polls: about the duration of a commit, for which locks are held. */
const POLL_INTERVAL = 20;

let threads = 0;

/** Waits for a lock. */
export async function lock(name: string, signal: AbortSignal, sleep: World["sleep"]): Promise<Lock | undefined> {
  for (;;) {
    signal.throwIfAborted();
    const path = pathOf(name);
    const file = open(path);
    if (!file) return undefined;
    if (!file.tryLockSync(true)) await wait(file, signal, sleep); // usually the lock is free, and no thread is woken
    if (isAt(file, path)) return lockOf(file, path);
    file.close();
  }
}

/** Locks the file, or closes it and throws the signal's reason. */
async function wait(file: Deno.FsFile, signal: AbortSignal, sleep: World["sleep"]): Promise<void> {
  if (threads >= MAX_THREADS) {
    try {
      while (!file.tryLockSync(true)) await sleep(POLL_INTERVAL, signal);
    } catch (error) {
      file.close();
      throw error;
    }
    return;
  }
  threads++;
  const locked = file.lock(true).finally(() => threads--);
  try {
    await unlessAborted(locked, signal);
  } catch (error) {
    locked.finally(() => file.close()).catch(() => {}); // the thread still gets the lock once it is free
    throw error;
  }
}

/** Names may contain slashes. Two names that differ only in slash and backslash share a lock, which only costs time. */
function pathOf(name: string): string {
  return `${FOLDER}/${name.replaceAll("/", "\\")}`;
}

/** Undefined without a folder: the commit's compare-and-swap prevents duplicates; a lock only avoids conflicts. */
function open(path: string): Deno.FsFile | undefined {
  try {
    return openIn(FOLDER, () => Deno.openSync(path, { create: true, write: true, mode: 0o600 }));
  } catch {
    return undefined;
  }
}

function isAt(file: Deno.FsFile, path: string): boolean {
  try {
    const [here, there] = [file.statSync(), Deno.statSync(path)];
    return here.ino === there.ino && here.dev === there.dev;
  } catch {
    return false; // the previous holder removed it
  }
}

function lockOf(file: Deno.FsFile, path: string): Lock {
  let isHeld = true;
  return {
    [Symbol.dispose]: () => {
      if (!isHeld) return;
      isHeld = false;
      try {
        if (isAt(file, path)) Deno.removeSync(path); // before the unlock: afterwards another process may hold the lock
      } catch {
        // the file stays, and the next process locks it
      }
      file.close();
    },
  };
}
