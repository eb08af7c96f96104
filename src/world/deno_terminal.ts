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

/** What a command uses of its process. */
interface DenoTerminal {
  /** The path or name by which this process was started: the link, if it was started by one. */
  readonly called: string;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** Asks a yes-or-no question; undefined without a terminal. */
  readonly ask: ((question: string) => boolean) | undefined;
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
    terminal,
    ask: Deno.stdin.isTerminal() && terminal ? confirm : undefined,
    write,
    platform: () => Promise.resolve(denoPlatform()),
    forgoPrograms,
    onUncaught,
    exit: (code) => Deno.exit(code),
  };
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
