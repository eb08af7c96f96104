/**
 * Shows on a terminal how much a command has read of what takes long.
 *
 * @module
 */
import type { OnPart, StorageDriver } from "../storage/driver.ts";
import type { World } from "../world/world.ts";

/** Milliseconds of work before the first text: what ends sooner needs none. */
const FIRST = 500;
/** Milliseconds between two texts. */
const INTERVAL = 100;
/** To the start of the line, and erase it. */
const ERASE = "\r\x1b[K";

/** Shows what is being done; undefined: it is done. */
export type ShowProgress = (text: string | undefined) => void;

/** A line of a terminal that each text overwrites. A text is shown once the work lasts. `write` writes to the terminal. */
export function progressLine(write: (text: string) => void, { monotonic }: Pick<World, "monotonic">): ShowProgress {
  let begun: number | undefined;
  let last = -Infinity;
  let isShown = false;
  return (text) => {
    if (text === undefined) {
      if (isShown) write(ERASE);
      isShown = false;
      begun = undefined;
      return;
    }
    const now = monotonic();
    begun ??= now;
    if (now - begun < FIRST || now - last < INTERVAL) return;
    last = now;
    isShown = true;
    write(`${ERASE}${text}`);
  };
}

/** Shows how many objects of a kind a list has read. */
export function partsOf(what: string, show: ShowProgress): OnPart {
  return (objects) => show(`Reading ${what}: ${objects}`);
}

/** A store whose lists show their progress. */
export function showingProgress(driver: StorageDriver, show: ShowProgress): StorageDriver {
  const { reservations, unreadable } = driver;
  const during = async <T>(what: string, read: (onPart: OnPart) => Promise<T>, onPart?: OnPart): Promise<T> => {
    const shown = partsOf(what, show);
    try {
      return await read((objects) => {
        shown(objects);
        onPart?.(objects);
      });
    } finally {
      show(undefined);
    }
  };
  return {
    ...driver,
    list: (signal, onPart) => during("pools", (part) => driver.list(signal, part), onPart),
    ...(unreadable && {
      unreadable: (signal: AbortSignal, onPart?: OnPart) =>
        during("pools and reservations", (part) => unreadable.call(driver, signal, part), onPart),
    }),
    ...(reservations && {
      reservations: {
        ...reservations,
        list: (network: string | undefined, signal: AbortSignal, onPart?: OnPart) =>
          during("reservations", (part) => reservations.list(network, signal, part), onPart),
      },
    }),
  };
}
