/**
 * The programs of the original's image, as commands of this one: manifests start them by their paths.
 *
 * @module
 */
import { makeLogger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { section, UsageError } from "./define.ts";

/** A flag of the original: either it becomes a flag of ours, or the reader learns what replaces it. */
interface OldFlag {
  /** Go's boolean flags take their value only after an equals sign. */
  readonly type: "string" | "boolean";
  /** The name of our flag. */
  readonly becomes?: string;
  /** What replaces a flag that is accepted and ignored. */
  readonly ignored?: string;
  /** What replaces a flag that is refused, because ignoring it would do something else. */
  readonly refused?: string;
}

type OldFlags = Readonly<Record<string, OldFlag>>;
type Given = ReadonlyMap<string, string>;

interface OldProgram {
  readonly flags: OldFlags;
  /** Our command for the given flags, whose names are those of the original. */
  readonly command: (given: Given) => readonly string[];
  /** Environment variables that the program did not read. */
  readonly unread?: readonly string[];
}

const LOG_LEVEL: OldFlags = { "log-level": { type: "string", becomes: "log-level" } };
const KUBECONFIG: OldFlags = { kubeconfig: { type: "string", becomes: "kubeconfig" } };
const klog = (type: OldFlag["type"], names: string): OldFlags =>
  Object.fromEntries(
    names.split(" ").map((name) => [name, { type, ignored: "--log-level of whereabouts controller" }]),
  );

/** All three controllers of the original are one here. Processes that run beside each other elect a leader, and the others stand by. */
const CONTROLLER = () => ["controller", "--datastore=kubernetes"];
const INSTALL = () => ["install"];

const PROGRAMS: Readonly<Record<string, OldProgram>> = {
  "ip-control-loop": { flags: LOG_LEVEL, command: CONTROLLER },
  "ip-reconciler": {
    flags: { ...LOG_LEVEL, ...KUBECONFIG, timeout: { type: "string", ignored: "the deadline that each request has" } },
    // up to v0.6 a CronJob started it with -kubeconfig, and it swept once; since v0.9.4 it is a server without that flag
    command: (given) => given.has("kubeconfig") ? ["reconcile", "--datastore=kubernetes"] : CONTROLLER(),
  },
  "node-slice-controller": {
    flags: {
      ...KUBECONFIG,
      master: { type: "string", refused: "set `server` in the file of -kubeconfig" },
      // the flags of klog, which the original adds
      ...klog("boolean", "add_dir_header alsologtostderr logtostderr one_output skip_headers skip_log_headers"),
      ...klog("string", "log_backtrace_at log_dir log_file log_file_max_size stderrthreshold v vmodule"),
    },
    command: CONTROLLER,
  },
  "install-cni.sh": { flags: {}, command: INSTALL },
  // it keeps running whatever SLEEP is, which another line of the same script sets for install-cni.sh
  "token-watcher.sh": { flags: {}, command: INSTALL, unread: ["SLEEP"] },
};

/** The names of the original's programs. */
export const OLD_NAMES: readonly string[] = Object.keys(PROGRAMS);

/** The name of the original's program under which this process was started; undefined under another name. */
export function oldNameOf(called: string): string | undefined {
  const name = called.slice(called.lastIndexOf("/") + 1);
  return Object.hasOwn(PROGRAMS, name) ? name : undefined;
}

/** Our command for a call of the original's program. */
interface Translated {
  /** The command and its flags; undefined if the help was requested. */
  readonly args: readonly string[] | undefined;
  /** Flags that are accepted and ignored, and what replaces each. */
  readonly ignored: readonly { readonly flag: string; readonly instead: string }[];
}

/**
 * Translates a call of the original's program.
 *
 * @param name one of {@linkcode OLD_NAMES}
 * @param namespace `WHEREABOUTS_NAMESPACE`, which the original uses instead of the namespace of a kubeconfig
 * @throws {UsageError} an unknown flag, a flag without a counterpart, or an argument
 */
export function translate(name: string, args: readonly string[], namespace?: string): Translated {
  const { flags, command }: OldProgram = PROGRAMS[name] ?? { flags: {}, command: INSTALL };
  if (args.some((one) => /^--?h(elp)?$/.test(one))) return { args: undefined, ignored: [] };
  const given = parseGoFlags(args, flags);
  const base = command(given);
  const translated: string[] = [];
  const ignored: { flag: string; instead: string }[] = [];
  for (const [flag, value] of given) {
    const { becomes, ignored: instead, refused } = flags[flag] ?? {};
    if (refused !== undefined) throw new UsageError(`Cannot use -${flag}: ${refused}`);
    const onlyOfServers = becomes === "log-level" && base[0] === "reconcile";
    if (becomes !== undefined && !onlyOfServers) translated.push(`--${becomes}=${value}`);
    else ignored.push({ flag: `-${flag}`, instead: instead ?? "the output of whereabouts reconcile" });
  }
  if (given.has("kubeconfig") && namespace) translated.push(`--namespace=${namespace}`);
  return { args: [...base, ...translated], ignored };
}

/** Parses flags by the rules of Go's package flag: one or two dashes, the value after an equals sign or as the next argument. */
function parseGoFlags(args: readonly string[], flags: OldFlags): Given {
  const given = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const [, name = "", value] = /^--?([^-=][^=]*)(?:=([^]*))?$/.exec(arg) ?? [];
    if (name === "") throw new UsageError(`Unexpected argument ${JSON.stringify(arg)}: expected only flags`);
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (!flag) throw new UsageError(`Unknown flag -${name}: ${expectedOf(flags)}`);
    const found = value ?? (flag.type === "boolean" ? "true" : args[++i]);
    if (found === undefined) throw new UsageError(`Flag -${name} has no value`);
    if (found !== "") given.set(name, found); // the default of the original's texts is empty
  }
  return given;
}

function expectedOf(flags: OldFlags): string {
  const names = Object.keys(flags).map((name) => `-${name}`);
  return names.length > 0 ? `expected ${names.join(", ")}` : "expected no flags";
}

/** The help of the original's program. */
function helpOf(name: string): string[] {
  const { flags, command }: OldProgram = PROGRAMS[name] ?? { flags: {}, command: INSTALL };
  const rows = Object.entries(flags).map(([flag, { becomes, ignored, refused }]) =>
    [
      `-${flag}`,
      becomes !== undefined
        ? `As --${becomes}`
        : ignored !== undefined
        ? `Ignored; instead: ${ignored}`
        : `Refused: ${refused}`,
    ] as const
  );
  const lines = [
    `Usage: ${name}${rows.length > 0 ? " [FLAGS]" : ""}`,
    "",
    `Runs whereabouts ${command(new Map()).join(" ")}.`,
  ];
  return [...lines, ...section("Flags", rows)];
}

/**
 * Runs a call of the original's program as our command. Returns the exit code.
 *
 * @param run runs our command
 */
export async function runOldName(
  name: string,
  args: readonly string[],
  world: World,
  print: (line: string) => void,
  run: (args: readonly string[], world: World) => Promise<number>,
): Promise<number> {
  let translated: Translated;
  try {
    translated = translate(name, args, world.env("WHEREABOUTS_NAMESPACE"));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    world.stderr(`${name}: ${error.message}`);
    world.stderr(`Use ${name} -help for usage`);
    return 2;
  }
  if (!translated.args) {
    helpOf(name).forEach(print);
    return 0;
  }
  const log = makeLogger(world, { level: "info" });
  log.info("Running a command for a program of the original", { name, command: translated.args.join(" ") });
  for (const { flag, instead } of translated.ignored) log.warn("Ignored a flag", { name, flag, instead });
  const unread = PROGRAMS[name]?.unread ?? [];
  return await run(translated.args, { ...world, env: (one) => unread.includes(one) ? undefined : world.env(one) });
}
