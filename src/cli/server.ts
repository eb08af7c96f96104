/**
 * Flags of servers: logging, and the address of health and metrics.
 *
 * @module
 */
import { LOG_FORMATS, LOG_LEVELS, type LogOptions, parseLogFormat, parseLogLevel } from "../world/log.ts";
import { type Flags, UsageError, type Values } from "./define.ts";

/** Flags of every server. */
export const SERVER_FLAGS = {
  "http-address": { type: "string", value: "HOST:PORT", help: "Serve health and metrics at this address" },
  "log-level": {
    type: "string",
    value: "LEVEL",
    default: "info",
    values: LOG_LEVELS,
    help: "error, warning, info or debug",
  },
  "log-format": { type: "string", value: "FORMAT", default: "logfmt", values: LOG_FORMATS, help: "logfmt or json" },
} as const satisfies Flags;

/** The values of the flags. */
interface ServerOptions {
  /** How to log. */
  readonly log: LogOptions;
  /** `HOST:PORT` of health and metrics. Absent: not served. */
  readonly httpAddress?: string;
}

/**
 * Reads the flags.
 *
 * @throws {UsageError} a level, a format or an address is invalid
 */
export function parseServerFlags(values: Values<typeof SERVER_FLAGS>): ServerOptions {
  const level = parseLogLevel(values["log-level"]);
  if (!level) {
    throw new UsageError(`Unknown log level ${quoted(values["log-level"])}: expected one of ${LOG_LEVELS.join(", ")}`);
  }
  const format = parseLogFormat(values["log-format"]);
  if (!format) {
    throw new UsageError(
      `Unknown log format ${quoted(values["log-format"])}: expected one of ${LOG_FORMATS.join(", ")}`,
    );
  }
  const httpAddress = values["http-address"];
  if (httpAddress !== undefined && !/^.+:\d+$/.test(httpAddress)) {
    throw new UsageError(`Invalid --http-address ${quoted(httpAddress)}: expected HOST:PORT`);
  }
  return { log: { level, format }, ...(httpAddress !== undefined && { httpAddress }) };
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
