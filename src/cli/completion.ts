/**
 * `completion`: completes command lines in shells.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { formatPoolKey } from "../pool/types.ts";
import { SCRIPTS } from "./completion_scripts.ts";
import { type Command, defineCommand, type Flags, type Manual, UsageError } from "./define.ts";
import { commandFirst } from "./leading_flags.ts";
import { openReading } from "./reading.ts";
import { readPools } from "./read_pools.ts";
import type { StoreFlags } from "./store.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds for names from the store: the reader waits for them. */
const TIMEOUT = 3_000;
/** The last line: whether the shell completes files too, as kubectl and its plugins exchange it (`ShellCompDirective` of cobra). */
const FILES = ":0";
const NO_FILES = ":4";

/** The commands, by name. */
type Commands = Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>>;

/** A possible word, and its meaning. */
type Candidate = readonly [word: string, meaning?: string];

/** What a word can be. */
interface Candidates {
  readonly words: readonly Candidate[];
  /** Whether it can be the path of a file, too. */
  readonly files?: true;
}

/** Prints scripts, and the words for them. */
export function completionOf(commands: Commands): Command {
  return defineCommand({
    operands: "SHELL",
    completes: Object.keys(SCRIPTS),
    about: [
      "Print the completion script of SHELL, which is bash, zsh or fish: commands, flags, values, and names of pools and networks.",
      "`kubectl` prints the program kubectl_complete-whereabouts, with which the shell completes `kubectl whereabouts`. The scripts call " +
      "`completion words -- WORD...`, which prints what the last word can be.",
    ],
    flags: {},
  }, async (terminal, _, [shell = "", ...words]) => {
    if (shell === "words") {
      const { words: found, files } = await candidates(terminal, commands, words);
      const last = words.at(-1) ?? "";
      for (const [word, meaning] of found) {
        if (word.startsWith(last)) terminal.print(meaning === undefined ? word : `${word}\t${meaning}`);
      }
      terminal.print(files ? FILES : NO_FILES);
      return 0;
    }
    const script = Object.hasOwn(SCRIPTS, shell) && words.length === 0 ? SCRIPTS[shell] : undefined;
    if (script === undefined) {
      throw new UsageError(
        `Unknown shell ${JSON.stringify([shell, ...words].join(" "))}: expected one of ${
          Object.keys(SCRIPTS).join(", ")
        }`,
      );
    }
    terminal.print(script);
    return 0;
  });
}

/** What the last word can be. */
async function candidates(terminal: Terminal, commands: Commands, given: readonly string[]): Promise<Candidates> {
  const last = given.at(-1) ?? "";
  const [name, ...words] = commandFirst(given.slice(0, -1));
  if (name === undefined) return { words: Object.entries(commands).map(([name, { summary }]) => [name, summary]) };
  if (name === "help") return { words: Object.keys(commands).map((one) => [one]) };
  const command = Object.hasOwn(commands, name) ? await commands[name]?.load() : undefined;
  if (!command) return { words: [] };
  const { manual } = command;
  const [, attached, prefix = ""] = /^(--([\w-]+)=)/.exec(last) ?? [];
  const awaited = attached === undefined ? awaitedBy(words.at(-1), manual.flags) : prefix;
  if (awaited !== undefined) {
    const { value, values = [] }: Partial<Flags[string]> = manual.flags[awaited] ?? {};
    const found = values.map((one): Candidate => [`${attached ?? ""}${one}`]);
    return { words: found, ...(value === "FILE" && { files: true }) };
  }
  if (last.startsWith("-")) return { words: flagsOf(manual.flags, words) };
  return await operandsOf(terminal, manual, words);
}

/** The flag whose value follows a word; undefined if none does. */
function awaitedBy(word: string | undefined, flags: Flags): string | undefined {
  const [name] =
    Object.entries(flags).find(([name, { type, short }]) =>
      type === "string" && (word === `--${name}` || (short !== undefined && word === `-${short}`))
    ) ?? [];
  return name;
}

function flagsOf(flags: Flags, given: readonly string[]): Candidate[] {
  return Object.entries(flags).filter(([name]) => !given.includes(`--${name}`)).map((
    [name, { help }],
  ) => [`--${name}`, help]);
}

async function operandsOf(
  terminal: Terminal,
  { completes = [], flags }: Manual,
  words: readonly string[],
): Promise<Candidates> {
  if (completes === "files") return { words: [], files: true };
  if (completes !== "names") return { words: completes.map((word) => [word]) };
  return { words: await namesIn(terminal, storeOf(flags, words)) };
}

/** The flags among the words that select a store. */
function storeOf(flags: Flags, words: readonly string[]): StoreFlags & { readonly "all-namespaces": boolean } {
  const { values } = parseArgs({ args: [...words], options: flags, strict: false });
  const text = (name: string) => typeof values[name] === "string" ? { [name]: values[name] } : {};
  const selecting = ["kubeconfig", "context", "namespace", "datastore", "database", "etcd-host", "config"];
  return { ...Object.assign({}, ...selecting.map(text)), "all-namespaces": values["all-namespaces"] === true };
}

/** Names of pools, networks and definitions. Without a store the list is empty: an error would be printed into the command line. */
async function namesIn(terminal: Terminal, flags: ReturnType<typeof storeOf>): Promise<Candidate[]> {
  const silent = { ...terminal, world: { ...terminal.world, stderr: () => {} } };
  const read = async () => {
    await using reading = await openReading(silent, flags);
    const choice = { ...flags, names: [], withReservations: false, node: undefined, "pod-namespace": undefined };
    const { rows } = await readPools(silent, reading, { ...choice, "min-fill": undefined }, true);
    const named = rows.flatMap(({ pool: { key }, users }): Candidate[] => [
      [formatPoolKey(key), "pool"],
      ...(key.network === "" ? [] : [[key.network, "network"] as const]),
      ...(key.node === undefined ? [] : [[key.node, "node"] as const]),
      ...users.map((user): Candidate => [user, "network definition"]),
    ]);
    return [...new Map(named.map((one) => [one[0], one])).values()];
  };
  const done = new AbortController();
  const nothing = (): Candidate[] => [];
  const late = terminal.world.sleep(TIMEOUT, done.signal).then(nothing, nothing);
  try {
    return await Promise.race([read(), late]);
  } catch {
    return [];
  } finally {
    done.abort();
  }
}
