/**
 * The screen of this process's terminal.
 *
 * @module
 */
import { writeAll } from "./deno.ts";
import type { Screen } from "./screen.ts";

/** Control sequences of xterm, which other terminals share. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
/** Keys that end a command: q, Q, and Ctrl-C and Ctrl-D where they arrive as characters. */
const END_KEYS = new Set([0x71, 0x51, 0x03, 0x04]);
/** Signals after which the screen is restored. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Size where the terminal does not report it. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

/** Takes the screen. What it showed comes back with dispose, and also if the process ends before. */
export function denoScreen(): Screen {
  const ended = new AbortController();
  const end = () => ended.abort();
  for (const signal of SIGNALS) Deno.addSignalListener(signal, end);
  const hasKeys = Deno.stdin.isTerminal();
  if (hasKeys) {
    Deno.stdin.setRaw(true, { cbreak: true });
    void readKeys(end);
  }
  let restored = false;
  const restore = () => {
    if (restored) return;
    restored = true;
    globalThis.removeEventListener("unload", restore);
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, end);
    if (hasKeys) Deno.stdin.setRaw(false);
    writeAll(Deno.stdout, LEAVE);
  };
  globalThis.addEventListener("unload", restore);
  writeAll(Deno.stdout, ENTER);
  return {
    size,
    draw: (lines) => {
      const shown = lines.slice(0, size().rows).map((line) => `${line}${CLEAR_LINE}`).join("\r\n");
      writeAll(Deno.stdout, `${HOME}${shown}${CLEAR_BELOW}`);
    },
    ended: ended.signal,
    [Symbol.dispose]: restore,
  };
}

function size(): { readonly columns: number; readonly rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    return columns > 0 && rows > 0 ? { columns, rows } : DEFAULT_SIZE;
  } catch {
    return DEFAULT_SIZE;
  }
}

async function readKeys(end: () => void): Promise<void> {
  const buffer = new Uint8Array(16);
  for (;;) {
    const length = await Deno.stdin.read(buffer).catch(() => null);
    if (length === null || buffer.subarray(0, length).some((key) => END_KEYS.has(key))) return end();
  }
}
