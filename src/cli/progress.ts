/**
 * Shows how far a command has come with what takes long: on a terminal in a line that is overwritten, otherwise, for changes, in a few lines.
 *
 * @module
 */
import type { OnPart, OnUnreadable, StorageDriver } from "../storage/driver.ts";
import type { World } from "../world/world.ts";

/** How often texts are shown, in milliseconds. */
interface Pace {
  /** Work before the first text: what ends sooner needs none. */
  readonly first: number;
  /** Time between two texts. */
  readonly interval: number;
}

/** On a terminal. */
const LINE: Pace = { first: 500, interval: 100 };
/** In a log: a change of ten thousand entries takes some seconds. */
const LINES: Pace = { first: 5_000, interval: 10_000 };
/** To the start of the line, and erase it. */
const ERASE = "\r\x1b[K";

/**
 * Shows what is being done; undefined: it is done.
 *
 * @param lasts whether it is known to last: the text is shown at once. Default: texts are shown once the work lasts, and not more often than a
 * person reads them
 */
export type ShowProgress = (text: string | undefined, lasts?: boolean) => void;

/** A line of a terminal that each text overwrites. `write` writes to the terminal. */
export function progressLine(write: (text: string) => void, world: Pick<World, "monotonic">): ShowProgress {
  return paced(LINE, world, (text) => write(`${ERASE}${text}`), () => write(ERASE));
}

/** Lines of a log. */
export function progressLines(world: Pick<World, "monotonic" | "stderr">): ShowProgress {
  return paced(LINES, world, world.stderr, () => {});
}

/** Does work that shows its progress, also where no person sees it: a change of the store, or an archive. */
export async function showing<T>(
  { progress, world }: {
    readonly progress?: ShowProgress | undefined;
    readonly world: Pick<World, "monotonic" | "stderr">;
  },
  work: (show: ShowProgress) => Promise<T>,
): Promise<T> {
  const show = progress ?? progressLines(world);
  try {
    return await work(show);
  } finally {
    show(undefined);
  }
}

function paced(
  { first, interval }: Pace,
  { monotonic }: Pick<World, "monotonic">,
  write: (text: string) => void,
  erase: () => void,
): ShowProgress {
  let begun: number | undefined;
  let last = -Infinity;
  let isShown = false;
  return (text, lasts = false) => {
    if (text === undefined) {
      if (isShown) erase();
      isShown = false;
      begun = undefined;
      return;
    }
    const now = monotonic();
    begun ??= now;
    if (!lasts && (now - begun < first || now - last < interval)) return;
    last = now;
    isShown = true;
    write(text);
  };
}

/** Shows how many objects of a kind a list has read. */
export function partsOf(what: string, show: ShowProgress): OnPart {
  return (objects) => show(`Reading ${what}: ${objects}`);
}

/** A store whose lists show their progress. */
export function showingProgress(driver: StorageDriver, show: ShowProgress): StorageDriver {
  const { reservations } = driver;
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
    list: (signal, onPart, onUnreadable) => during("pools", (part) => driver.list(signal, part, onUnreadable), onPart),
    ...(reservations && {
      reservations: {
        ...reservations,
        list: (network: string | undefined, signal: AbortSignal, onPart?: OnPart, onUnreadable?: OnUnreadable) =>
          during("reservations", (part) => reservations.list(network, signal, part, onUnreadable), onPart),
      },
    }),
  };
}
