/**
 * The real terminal, for commands.
 *
 * @module
 */
import process from "node:process";
import { writeAll } from "./deno.ts";
import { forgoPrograms, onUncaught } from "./deno_process.ts";
import { denoPlatform } from "./deno_agent.ts";
import { denoScreen } from "./deno_screen.ts";
import type { Platform } from "./platform.ts";
import type { Screen } from "./screen.ts";

/** What a command uses of its process. */
interface DenoTerminal {
  /** The path or name by which this process was started: the link, if it was started by one. */
  readonly called: string;
  /** Whether standard output is a terminal; its columns if they are known. */
  readonly terminal: boolean | number;
  /** Writes text to standard error; undefined unless both outputs are a terminal. */
  readonly progress: ((text: string) => void) | undefined;
  /** Asks a yes-or-no question; undefined without a terminal. */
  readonly ask: ((question: string) => boolean) | undefined;
  /** Takes the screen; undefined without a terminal. */
  readonly screen: (() => Screen) | undefined;
  /** Writes text to standard output. */
  readonly write: (text: string) => void;
  /** Sockets and signals. */
  readonly platform: () => Promise<Platform>;
  /** Permanently revokes the permission to start programs. */
  readonly forgoPrograms: () => void;
  /** Handles uncaught errors; the process continues. */
  readonly onUncaught: (handle: (error: unknown) => void) => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

/** The terminal of this process. */
export function denoTerminal(): DenoTerminal {
  const terminal = Deno.stdout.isTerminal();
  return {
    called: process.argv0,
    terminal: terminal && columns(),
    progress: terminal && Deno.stderr.isTerminal() ? (text) => writeAll(Deno.stderr, text) : undefined,
    ask: Deno.stdin.isTerminal() && terminal ? confirm : undefined,
    screen: terminal ? denoScreen : undefined,
    write,
    platform: () => Promise.resolve(denoPlatform()),
    forgoPrograms,
    onUncaught,
    exit: (code) => Deno.exit(code),
  };
}

/** The columns of the terminal; true if it does not report them, as a serial line. */
function columns(): number | true {
  try {
    return Deno.consoleSize().columns || true;
  } catch {
    return true;
  }
}

/** Exits if the reader closed the pipe, as `head` does, with the code of a process that SIGPIPE ended. */
function write(text: string): void {
  try {
    writeAll(Deno.stdout, text);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(141);
    throw error;
  }
}
