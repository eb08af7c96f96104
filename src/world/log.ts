/**
 * The logger: constant message plus fields, made once from the configuration and passed down.
 *
 * @module
 */
import { messageOf } from "../values/errors.ts";
import type { World } from "./world.ts";

/** Levels in increasing verbosity. */
export const LOG_LEVELS = ["error", "warning", "info", "debug"] as const;

/** A log level. `panic`, a level of the original, writes nothing. */
export type LogLevel = "panic" | typeof LOG_LEVELS[number];

/** The original's names, and the usual abbreviation. */
const ALIASES: Readonly<Record<string, LogLevel>> = { panic: "panic", verbose: "info", warn: "warning" };

/**
 * Reads a level: {@linkcode LOG_LEVELS}, or the original's `panic` (nothing) and `verbose` (`info`), in any case.
 *
 * @returns undefined if the text is not a level
 */
export function parseLogLevel(text: string): LogLevel | undefined {
  const name = text.toLowerCase();
  return LOG_LEVELS.find((one) => one === name) ?? (Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined);
}

/**
 * The format of a line. `logfmt`: `time=… level=… msg=…` and the fields, quoted if they contain blanks, quotes or an equals sign
 * (https://brandur.org/logfmt). `json`: one object with the same members.
 */
export const LOG_FORMATS = ["logfmt", "json"] as const;

/** One of {@linkcode LOG_FORMATS}. */
export type LogFormat = typeof LOG_FORMATS[number];

/** Reads a format. @returns undefined if the text is not one of {@linkcode LOG_FORMATS} */
export function parseLogFormat(text: string): LogFormat | undefined {
  return LOG_FORMATS.find((one) => one === text);
}

/** Values that explain a log line. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes log lines. Never to standard output, which carries the CNI result. */
export interface Logger {
  /** An operation failed. */
  error(message: string, fields?: LogFields): void;
  /** Something needs an operator's attention. */
  warn(message: string, fields?: LogFields): void;
  /** An event. */
  info(message: string, fields?: LogFields): void;
  /** A detail. */
  debug(message: string, fields?: LogFields): void;
}

/** A logger that writes nothing. */
export const SILENT: Logger = { error() {}, warn() {}, info() {}, debug() {} };

/** The destination and format of lines. */
export interface LogOptions {
  /** The most verbose level to write. */
  readonly level: LogLevel;
  /** Default: `logfmt`. */
  readonly format?: LogFormat;
  /** A file that also receives every line. */
  readonly file?: string;
  /** Folders that the file must be inside. Absent: anywhere, since the operator chose it. */
  readonly confinedTo?: readonly string[];
}

/**
 * Appends text to a log file.
 *
 * @param confinedTo folders that the file must be inside. Absent: anywhere, since the operator chose it
 */
export type AppendLog = (file: string, text: string, confinedTo?: readonly string[]) => void;

/**
 * A logger to standard error and an optional file. If writing the file fails, that is logged once, and the file is not tried again.
 *
 * @param append appends to the file. Default: on this machine
 *
 * @example
 * ```ts
 * import { denoWorld, makeLogger } from "@whereabouts/whereabouts";
 *
 * const log = makeLogger(denoWorld(), { level: "info" });
 * log.info("Allocated address", { ip: "10.0.0.1" }); // time=… level=info msg="Allocated address" ip=10.0.0.1
 * ```
 */
export function makeLogger(
  world: Pick<World, "now" | "stderr" | "appendTextFile">,
  options: LogOptions,
  append: AppendLog = world.appendTextFile,
): Logger {
  let file = options.file;
  const rank = LOG_LEVELS.findIndex((one) => one === options.level); // -1: nothing is written
  const lineOf = options.format === "json" ? jsonLine : logfmtLine;
  const write = (level: typeof LOG_LEVELS[number], message: string, fields: LogFields = {}) => {
    if (rank < LOG_LEVELS.indexOf(level)) return;
    const line = lineOf({ time: new Date(world.now()).toISOString(), level, msg: message, ...fields });
    world.stderr(line);
    if (!file) return;
    try {
      append(file, `${line}\n`, options.confinedTo);
    } catch (error) {
      const failed = file;
      file = undefined;
      write("error", "Cannot write log_file", { file: failed, error: messageOf(error) });
    }
  };
  const at = (level: typeof LOG_LEVELS[number]) => (message: string, fields?: LogFields) =>
    write(level, message, fields);
  return { error: at("error"), warn: at("warning"), info: at("info"), debug: at("debug") };
}

/** Undefined fields are omitted, as in JSON. */
function logfmtLine(fields: LogFields): string {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return oneLine(present.map(([name, value]) => `${name}=${formatField(value)}`).join(" "));
}

/** Never throws. Text with blanks, quotes or an equals sign is quoted, so that fields can be parsed. */
function formatField(value: unknown): string {
  const text = typeof value === "string" ? value : jsonOf(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

function jsonLine(fields: LogFields): string {
  return oneLine(jsonOf(fields));
}

/** Never throws: a bigint is written as text, and a value that JSON cannot represent as its string form. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value, (_, part) => typeof part === "bigint" ? String(part) : part) ?? String(value);
  } catch {
    if (typeof value !== "object" || value === null) return String(value);
    return JSON.stringify(Object.fromEntries(Object.entries(value).map(([name, part]) => [name, String(part)])));
  }
}

// deno-lint-ignore no-control-regex -- matches the characters to escape
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** Keeps a record on one line: escapes control characters and line separators, in messages and field names too. */
function oneLine(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
