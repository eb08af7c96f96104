/**
 * The logger: constant message plus fields, made once from the configuration and passed down.
 *
 * @module
 */
import type { World } from "./world.ts";

/** Levels in increasing verbosity. */
export const LOG_LEVELS = ["error", "warning", "info", "debug"] as const;

/** A log level. `panic`, the original's, writes nothing. */
export type LogLevel = "panic" | typeof LOG_LEVELS[number];

/** The original's names, and the usual abbreviation. */
const ALIASES: Readonly<Record<string, LogLevel>> = { panic: "panic", verbose: "info", warn: "warning" };

/**
 * Reads a level: {@linkcode LOG_LEVELS}, or the original's `panic` (nothing) and `verbose` (`info`), in any case.
 *
 * @returns undefined where the text is no level
 */
export function parseLogLevel(text: string): LogLevel | undefined {
  const name = text.toLowerCase();
  return LOG_LEVELS.find((one) => one === name) ?? (Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined);
}

/** Values that explain a log line. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes log lines. Never to standard output, which is the CNI answer's. */
export interface Logger {
  /** Something failed. */
  error(message: string, fields?: LogFields): void;
  /** Something an operator wants to see. */
  warn(message: string, fields?: LogFields): void;
  /** What was done. */
  info(message: string, fields?: LogFields): void;
  /** Everything else. */
  debug(message: string, fields?: LogFields): void;
}

/** A logger that says nothing. */
export const SILENT: Logger = { error() {}, warn() {}, info() {}, debug() {} };

/** Where lines go. */
export interface LogOptions {
  /** The most verbose level that is written. */
  readonly level: LogLevel;
  /** A file that gets every line too. */
  readonly file?: string;
  /** Folders that the file must be in. Absent: anywhere, since the operator names it. */
  readonly confinedTo?: readonly string[];
}

/** A logger on standard error and, where named, a file. A file that cannot be written is told once, then left. */
export function makeLogger(world: World, options: LogOptions): Logger {
  let file = options.file;
  const rank = LOG_LEVELS.findIndex((one) => one === options.level); // -1: nothing is written
  const write = (level: typeof LOG_LEVELS[number]) => (message: string, fields?: LogFields) => {
    if (rank < LOG_LEVELS.indexOf(level)) return;
    const line = oneLine(`${new Date(world.now()).toISOString()} [${level}] ${message}${formatFields(fields)}`);
    world.stderr(line);
    if (!file) return;
    try {
      world.appendLog(file, `${line}\n`, options.confinedTo);
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      world.stderr(oneLine(`Cannot write log_file ${JSON.stringify(file)}: ${reason}`));
      file = undefined;
    }
  };
  return { error: write("error"), warn: write("warning"), info: write("info"), debug: write("debug") };
}

function formatFields(fields: LogFields = {}): string {
  return Object.entries(fields).map(([name, value]) => ` ${name}=${formatField(value)}`).join("");
}

/** Never a reason to fail. Text with blanks, quotes or an equals sign is quoted, so that fields can be told apart. */
function formatField(value: unknown): string {
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  try {
    return String(JSON.stringify(value, (_, part) => typeof part === "bigint" ? String(part) : part));
  } catch {
    return String(value);
  }
}

// deno-lint-ignore no-control-regex -- they are what is escaped
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** A record is one line whatever it holds: control characters and line separators are escaped, in messages too. */
function oneLine(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
