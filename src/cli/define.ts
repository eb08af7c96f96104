/**
 * Defines commands: their flags, for parsing and for help.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { nearest } from "../config/document.ts";
import type { Terminal } from "./terminal.ts";

/** One flag. */
interface Flag {
  /** Whether it takes a value. */
  readonly type: "string" | "boolean";
  /** Placeholder of the value in the help. */
  readonly value?: string;
  /** One-letter alias. */
  readonly short?: string;
  /** Default value. */
  readonly default?: string;
  /** The possible values, for the completion of a shell. Absent: any; a file if the placeholder is FILE. */
  readonly values?: readonly string[];
  /** Description. */
  readonly help: string;
}

/** Flags by name. */
export type Flags = Readonly<Record<string, Flag>>;

/** Values of flags. */
export type Values<F extends Flags> = {
  readonly [Name in keyof F]: F[Name] extends { readonly type: "boolean" } ? boolean
    : F[Name] extends { readonly default: string } ? string
    : string | undefined;
};

/** The help of a command. */
export interface Manual {
  /** Operands after the command's name: `[POOL...]`. Absent: flags only. */
  readonly operands?: string;
  /** What a shell completes operands with: pools and networks of the store, files, or these words. Absent: nothing. */
  readonly completes?: "names" | "files" | readonly string[];
  /** Sentences under the usage line. */
  readonly about: readonly string[];
  /** Its flags. */
  readonly flags: Flags;
  /** Exit codes besides 0 (success), 1 (failure) and 2 (usage error), or other texts for these. */
  readonly exits?: Readonly<Record<number, string>>;
}

/** A command. */
export interface Command {
  /** Its help. */
  readonly manual: Manual;
  /** Parses its arguments and runs. Returns the exit code. */
  readonly run: (terminal: Terminal, args: readonly string[]) => Promise<number>;
}

/** A usage error: exit code 2, and a hint at the help. */
export class UsageError extends RangeError {
  /** The class, for logs. */
  override name = "UsageError";
}

/** Defines a command. `run` gets its flags, defaults included, and its operands. */
export function defineCommand<const F extends Flags>(
  manual: Manual & { readonly flags: F },
  run: (terminal: Terminal, values: Values<F>, operands: readonly string[]) => Promise<number>,
): Command {
  return {
    manual,
    run: async (terminal, args) => {
      const { values, operands } = parse(manual, args);
      const { json, output = "wide" }: { json?: unknown; output?: unknown } = values;
      const isForPeople = !json && output === "wide";
      return await run(isForPeople ? terminal : { ...terminal, progress: undefined }, values, operands);
    },
  };
}

function parse<F extends Flags>(
  { flags, operands: allowed }: Manual & { readonly flags: F },
  args: readonly string[],
): { values: Values<F>; operands: readonly string[] } {
  const { values, positionals } = parseArgs({ args: [...args], options: flags, allowPositionals: true });
  if (allowed === undefined && positionals.length > 0) {
    throw new UsageError(`Unexpected argument ${JSON.stringify(positionals[0])}: expected only flags`);
  }
  const empty = Object.entries(values).find(([, value]) => value === "")?.[0];
  if (empty !== undefined) throw new UsageError(`Invalid --${empty} "": expected a value`);
  const unset = Object.entries(flags).filter(([, { type }]) => type === "boolean").map(([name]) => [name, false]);
  return { values: { ...Object.fromEntries(unset), ...values } as Values<F>, operands: positionals };
}

/** Converts errors of the parser to usage errors, with a suggestion for an unknown flag; returns other errors unchanged. */
export function toUsageError(error: unknown, flags: readonly string[]): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!(error instanceof Error) || !code.startsWith("ERR_PARSE_ARGS")) return error;
  const unknown = /^Unknown option '(-[^']*)'/.exec(error.message)?.[1];
  if (unknown === undefined) return new UsageError(error.message.split("\n", 1)[0] ?? "", { cause: error });
  const near = nearest(unknown.replace(/^-+/, ""), flags);
  return new UsageError(`Unknown flag ${unknown}${near ? `: did you mean --${near}?` : ""}`, { cause: error });
}

/** Limits of a flag with a number. */
interface NumberLimits {
  /** Default 0. */
  readonly min?: number;
  /** Default 999,999,999. */
  readonly max?: number;
  /** Max digits after the point. Default 0. */
  readonly decimals?: number;
}

/**
 * The number of a flag.
 *
 * @param text digits, without a sign
 * @throws {UsageError} it is none, or not within the limits
 */
export function parseNumber(
  flag: string,
  text: string,
  { min = 0, max = 999_999_999, decimals = 0 }: NumberLimits = {},
): number {
  const [digits, fraction = ""] = /^\d{1,9}(?:\.(\d+))?$/.exec(text) ?? [];
  const number = digits !== undefined && fraction.length <= decimals ? Number(digits) : NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(`Invalid --${flag} ${JSON.stringify(text)}: expected a number from ${min} to ${max}`);
}

/** The help of a command, wrapped at a hundred characters. */
export function helpOf(program: string, name: string, { operands, about, flags, exits = {} }: Manual): string[] {
  const usage = [program, name, operands, Object.keys(flags).length > 0 ? "[FLAGS]" : ""].filter((part) => part);
  const codes = {
    0: "Success",
    1: "The command failed; standard error has the reason",
    2: "Usage error",
    ...exits,
  };
  return [
    `Usage: ${usage.join(" ")}`,
    "",
    ...about.flatMap((sentence) => wrap(sentence, 100)),
    ...section("Flags", Object.entries(flags).map(([flag, spec]) => [flagText(flag, spec), helpText(spec)])),
    ...section("Exit codes", Object.entries(codes)),
  ];
}

/** A heading, and lines of terms with their wrapped descriptions. */
export function section(heading: string, rows: readonly (readonly [string, string])[]): string[] {
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map(([word]) => word.length));
  const lines = rows.flatMap(([word, meaning]) =>
    wrap(meaning, 96 - width).map((line, i) => `  ${(i === 0 ? word : "").padEnd(width)}  ${line}`.trimEnd())
  );
  return ["", `${heading}:`, ...lines];
}

function flagText(name: string, { short, value }: Flag): string {
  return `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
}

function helpText({ help, default: value }: Flag): string {
  return value === undefined || value === "" ? help : `${help} (default ${value})`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
