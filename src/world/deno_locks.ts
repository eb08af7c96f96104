/**
 * Locks between the processes of a node: a locked file for each name.
 *
 * Its holder removes the file, so that none stay behind. Whoever waited for it then holds a lock on a file that is gone, while the next one
 * makes and locks another: so each looks, once it has the lock, whether its file is still the one of that name, and begins again where not.
 *
 * @module
 */
import { unlessAborted } from "../async/abort.ts";
import { openIn } from "./deno_folders.ts";
import { type Lock, RUN_FOLDER, type World } from "./world.ts";

/** Where the files are: gone at a restart of the machine, as the processes are. */
const FOLDER = `${RUN_FOLDER}/locks`;
/** Threads that wait for locks, at most: the runtime has 512, and whoever holds a lock needs some. Beyond, a lock is tried now and then. */
const MOST_THREADS = 64;
/** Milliseconds between two tries. */
const AGAIN = 20;

let threads = 0;

/** Waits for a lock. */
export async function lock(name: string, signal: AbortSignal, sleep: World["sleep"]): Promise<Lock | undefined> {
  for (;;) {
    signal.throwIfAborted();
    const path = pathOf(name);
    const file = open(path);
    if (!file) return undefined;
    if (!file.tryLockSync(true)) await wait(file, signal, sleep); // mostly it is free, and no thread is woken
    if (isAt(file, path)) return held(file, path);
    file.close();
  }
}

/** Locks the file, or closes it and throws the signal's reason. */
async function wait(file: Deno.FsFile, signal: AbortSignal, sleep: World["sleep"]): Promise<void> {
  if (threads >= MOST_THREADS) {
    try {
      while (!file.tryLockSync(true)) await sleep(AGAIN, signal);
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

/** A name may hold slashes; two names that differ in nothing else share a lock, which costs time and nothing more. */
function pathOf(name: string): string {
  return `${FOLDER}/${name.replaceAll("/", "\\")}`;
}

/** Undefined without a folder: the commit's compare-and-swap is what keeps addresses apart; a lock only saves conflicts. */
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
    return false; // removed by whoever held it
  }
}

function held(file: Deno.FsFile, path: string): Lock {
  let isHeld = true;
  return {
    [Symbol.dispose]: () => {
      if (!isHeld) return;
      isHeld = false;
      try {
        if (isAt(file, path)) Deno.removeSync(path); // before it is free: a file that nobody holds is anybody's
      } catch {
        // it stays, and is locked by the next
      }
      file.close();
    },
  };
}
