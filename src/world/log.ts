/**
 * The logger: constant message plus fields, made once from the configuration and passed down.
 *
 * @module
 */
import type { World } from "./world.ts";

/** Levels in increasing verbosity, as the original names them. */
export const LOG_LEVELS = ["panic", "error", "verbose", "debug"] as const;

/** A log level. */
export type LogLevel = typeof LOG_LEVELS[number];

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
  /** The most verbose level that is written. Warnings are written from `error` on, what was done from `verbose` on. */
  readonly level: LogLevel;
  /** A file that gets every line too. */
  readonly file?: string;
}

/** A logger on standard error and, where named, a file. A file that cannot be written is told once, then left. */
export function makeLogger(world: World, options: LogOptions): Logger {
  let file = options.file;
  const rank = LOG_LEVELS.indexOf(options.level);
  const write = (from: LogLevel, word: string) => (message: string, fields?: LogFields) => {
    if (rank < LOG_LEVELS.indexOf(from)) return;
    const line = `${new Date(world.now()).toISOString()} [${word}] ${message}${formatFields(fields)}`;
    world.stderr(line);
    if (!file) return;
    try {
      world.appendTextFile(file, `${line}\n`);
    } catch (error) {
      world.stderr(`Cannot write log_file ${JSON.stringify(file)}: ${error instanceof Error ? error.message : error}`);
      file = undefined;
    }
  };
  return {
    error: write("error", "error"),
    warn: write("error", "warning"),
    info: write("verbose", "verbose"),
    debug: write("debug", "debug"),
  };
}

function formatFields(fields: LogFields = {}): string {
  return Object.entries(fields).map(([name, value]) => ` ${name}=${formatField(value)}`).join("");
}

/** Never more than one line, and never a reason to fail. */
function formatField(value: unknown): string {
  // deno-lint-ignore no-control-regex -- they are what is looked for: a value must not end the line it stands in
  if (typeof value === "string") return /[\x00-\x1f\x7f\u2028\u2029]/.test(value) ? JSON.stringify(value) : value;
  try {
    return String(JSON.stringify(value, (_, part) => typeof part === "bigint" ? String(part) : part));
  } catch {
    return String(value);
  }
}
