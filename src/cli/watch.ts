/**
 * Repeats a reading command, and prints what changed.
 *
 * @module
 */
import { UnavailableError } from "../storage/driver.ts";
import { messageOf } from "../values/errors.ts";
import type { Flags } from "./define.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds between two reads: the store serves them besides the plugins of all nodes. */
const INTERVAL = 5_000;

/** The flag of commands that can repeat. */
export const WATCH_FLAG = {
  watch: { type: "boolean", short: "w", help: "Read every 5 seconds, and print lines that are new or gone" },
} as const satisfies Flags;

/**
 * Runs a command once, or until it fails for good or the process is interrupted. A store that does not answer is retried.
 *
 * @param whole whether a changed output is printed whole, as JSON must be
 */
export async function watching(
  terminal: Terminal,
  { watch }: { readonly watch: boolean },
  whole: boolean,
  run: (terminal: Terminal) => Promise<number>,
): Promise<number> {
  if (!watch) return await run(terminal);
  const { world, print } = terminal;
  let last: readonly string[] = [];
  let lastErrors = new Set<string>();
  while (true) {
    const lines: string[] = [];
    const errors = new Set<string>();
    const warn = (line: string) => {
      errors.add(line);
      if (!lastErrors.has(line)) world.stderr(line);
    };
    try {
      const keep = (text: string) => text.split("\n").forEach((line) => lines.push(line));
      await run({ ...terminal, world: { ...world, stderr: warn }, print: keep });
      for (const line of whole ? changedWhole(last, lines) : changedLines(last, lines)) print(line);
      last = lines;
    } catch (error) {
      if (!isTransient(error)) throw error;
      warn(`${messageOf(error)}; retrying`);
    }
    lastErrors = errors;
    await world.sleep(INTERVAL);
  }
}

/** Whether the store may answer the next time. */
export function isTransient(error: unknown): boolean {
  return error instanceof UnavailableError || (error instanceof DOMException && error.name === "TimeoutError");
}

function changedWhole(before: readonly string[], now: readonly string[]): readonly string[] {
  return before.join("\n") === now.join("\n") ? [] : now;
}

/**
 * New lines, and with a minus those that are gone. The first word of a line identifies its subject: a subject that has as many lines as before
 * has changed, and lost none.
 */
function changedLines(before: readonly string[], now: readonly string[]): readonly string[] {
  if (before.length === 0) return now;
  const [known, present] = [new Set(before), new Set(now)];
  const [had, has] = [Map.groupBy(before, subjectOf), Map.groupBy(now, subjectOf)];
  const lost = (subject: string) => (had.get(subject)?.length ?? 0) > (has.get(subject)?.length ?? 0);
  const gone = before.filter((line) => line !== "" && !present.has(line) && lost(subjectOf(line)));
  return [...gone.map((line) => `- ${line}`), ...now.filter((line) => !known.has(line))];
}

function subjectOf(line: string): string {
  return line.trimStart().split(" ", 1)[0] ?? "";
}
