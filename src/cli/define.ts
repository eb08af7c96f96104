/**
 * How a command is written down: its flags once, for parsing and for the help.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { nearest } from "../config/document.ts";
import type { Terminal } from "./terminal.ts";

/** One flag. */
export interface Flag {
  /** Whether it takes a value. */
  readonly type: "string" | "boolean";
  /** What stands for the value in the help. */
  readonly value?: string;
  /** One letter that means the same. */
  readonly short?: string;
  /** The value where it is not given. */
  readonly default?: string;
  /** What it does. */
  readonly help: string;
}

/** Flags by name. */
export type Flags = Readonly<Record<string, Flag>>;

/** What flags were given. */
export type Values<F extends Flags> = {
  readonly [Name in keyof F]: F[Name] extends { readonly type: "boolean" } ? boolean
    : F[Name] extends { readonly default: string } ? string
    : string | undefined;
};

/** What a command tells of itself. */
export interface Manual {
  /** What follows the command's name: `[POOL...]`. Absent: nothing but flags. */
  readonly operands?: string;
  /** Sentences under the usage line. */
  readonly about: readonly string[];
  /** Its flags. */
  readonly flags: Flags;
  /** What its exit codes say, besides 1 (it failed) and 2 (the command line means nothing). */
  readonly exits?: Readonly<Record<number, string>>;
}

/** A command, ready to run. */
export interface Command {
  /** For `--help`. */
  readonly manual: Manual;
  /** Parses, and runs. Returns the exit code. */
  readonly run: (terminal: Terminal, args: readonly string[]) => Promise<number>;
}

/** The command line means nothing: exit code 2, and a hint at the help. */
export class UsageError extends RangeError {
  /** The class, for logs. */
  override name = "UsageError";
}

/** Puts a command together. `run` gets its flags with their defaults, and its operands. */
export function defineCommand<const F extends Flags>(
  manual: Manual & { readonly flags: F },
  run: (terminal: Terminal, values: Values<F>, operands: readonly string[]) => Promise<number>,
): Command {
  return {
    manual,
    run: async (terminal, args) => {
      const { values, operands } = parse(manual, args);
      return await run(terminal, values, operands);
    },
  };
}

function parse<F extends Flags>(
  { flags, operands: allowed }: Manual & { readonly flags: F },
  args: readonly string[],
): { values: Values<F>; operands: readonly string[] } {
  const { values, positionals } = parseArgs({ args: [...args], options: flags, allowPositionals: true });
  if (allowed === undefined && positionals.length > 0) {
    throw new UsageError(`Unexpected argument ${JSON.stringify(positionals[0])}: it takes flags alone`);
  }
  const empty = Object.entries(values).find(([, value]) => value === "")?.[0];
  if (empty !== undefined) throw new UsageError(`Cannot use --${empty} without a value: leave it out, or say which`);
  const unset = Object.entries(flags).filter(([, { type }]) => type === "boolean").map(([name]) => [name, false]);
  return { values: { ...Object.fromEntries(unset), ...values } as Values<F>, operands: positionals };
}

/** The parser's errors in our words, with the flag that may have been meant; other errors as they are. */
export function toUsageError(error: unknown, flags: readonly string[]): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!(error instanceof Error) || !code.startsWith("ERR_PARSE_ARGS")) return error;
  const unknown = /^Unknown option '(-[^']*)'/.exec(error.message)?.[1];
  if (unknown === undefined) return new UsageError(error.message.split("\n", 1)[0] ?? "", { cause: error });
  const near = nearest(unknown.replace(/^-+/, ""), flags);
  return new UsageError(`Unknown flag ${unknown}${near ? `: did you mean --${near}?` : ""}`, { cause: error });
}

/** The help of a command, in lines of at most a hundred characters where its words allow it. */
export function helpOf(program: string, name: string, { operands, about, flags, exits = {} }: Manual): string[] {
  const usage = [program, name, operands, Object.keys(flags).length > 0 ? "[FLAGS]" : ""].filter((part) => part);
  const codes = {
    0: "Done",
    1: "It failed, and standard error says why",
    2: "The command line means nothing",
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

/** Lines under a heading: a word, and what it means, wrapped beside it. */
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

function helpText({ help, default: usual }: Flag): string {
  return usual === undefined || usual === "" ? help : `${help} (default ${usual})`;
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
