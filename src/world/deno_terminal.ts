/**
 * The real terminal, for commands.
 *
 * @module
 */
import process from "node:process";
import { writeAll } from "./deno.ts";
import { forgoPrograms, onUncaught } from "./deno_process.ts";
import { denoPlatform } from "./deno_agent.ts";
import type { Platform } from "./platform.ts";

/** What a command line has of its process. */
export interface DenoTerminal {
  /** The path or name that this process was called by: a link's, where it was called by a link. */
  readonly called: string;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** Asks a question that is answered with yes or no; undefined where nobody sits at a terminal. */
  readonly ask: ((question: string) => boolean) | undefined;
  /** Writes text to standard output. */
  readonly write: (text: string) => void;
  /** Sockets and signals. */
  readonly platform: () => Promise<Platform>;
  /** Gives up the right to start programs, for good. */
  readonly forgoPrograms: () => void;
  /** Tells of errors that nobody caught; the process goes on. */
  readonly onUncaught: (handle: (error: unknown) => void) => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

/** The terminal of this process. */
export function denoTerminal(): DenoTerminal {
  const terminal = Deno.stdout.isTerminal();
  return {
    called: process.argv0,
    terminal,
    ask: Deno.stdin.isTerminal() && terminal ? confirm : undefined,
    write,
    platform: () => Promise.resolve(denoPlatform()),
    forgoPrograms,
    onUncaught,
    exit: (code) => Deno.exit(code),
  };
}

/** Ends the process where nobody reads on, as `head` does not: with the code of a process that was told so by a signal. */
function write(text: string): void {
  try {
    writeAll(Deno.stdout, text);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(141);
    throw error;
  }
}
