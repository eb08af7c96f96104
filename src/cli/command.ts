/**
 * The command line: a table of commands, each loaded when it is called.
 *
 * @module
 */
import { SUPPORTED_VERSIONS } from "../config/version.ts";
import { nearest } from "../config/document.ts";
import { messageOf } from "../values/errors.ts";
import { VERSION } from "../version.ts";
import { makeLogger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { type Command, helpOf, section, toUsageError, UsageError } from "./define.ts";
import { commandFirst } from "./leading_flags.ts";
import { oldNameOf, runOldName } from "./old_names.ts";
import { progressLine } from "./progress.ts";
import { styleFor } from "./style.ts";
import { KUBECTL_PROGRAM, type Terminal } from "./terminal.ts";

interface Entry {
  readonly summary: string;
  /** It may run the `exec` program of a kubeconfig. The other commands drop the permission to run programs. */
  readonly startsPrograms?: true;
  /** It is a server: an uncaught error does not end the process. */
  readonly isServer?: true;
  readonly load: () => Promise<Command>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  status: {
    summary: "Show whether the installation works",
    startsPrograms: true,
    load: async () => (await import("./status.ts")).status,
  },
  show: {
    summary: "Show pools and their usage",
    startsPrograms: true,
    load: async () => (await import("./show.ts")).show,
  },
  "who-has": {
    summary: "Show the owner of an address",
    startsPrograms: true,
    load: async () => (await import("./who_has.ts")).whoHas,
  },
  claims: {
    summary: "List addresses that IPAMClaims and StatefulSets keep",
    startsPrograms: true,
    load: async () => (await import("./claims.ts")).claims,
  },
  slices: {
    summary: "Show node slices, and the nodes that have or lack one",
    startsPrograms: true,
    load: async () => (await import("./slices.ts")).slices,
  },
  check: {
    summary: "Check pools, reservations, pods, nodes and slices for consistency",
    startsPrograms: true,
    load: async () => (await import("./check.ts")).check,
  },
  top: {
    summary: "Show the fullest pools and what changes in them, live",
    startsPrograms: true,
    load: async () => (await import("./top.ts")).top,
  },
  plan: {
    summary: "Show whether a network has enough addresses, and until when",
    startsPrograms: true,
    load: async () => (await import("./plan.ts")).plan,
  },
  sysdump: {
    summary: "Write an archive for a report about a problem",
    startsPrograms: true,
    load: async () => (await import("./sysdump.ts")).sysdump,
  },
  ui: {
    summary: "Show everything as a web page on this machine",
    startsPrograms: true,
    load: async () => (await import("./ui.ts")).ui,
  },
  history: {
    summary: "Show when this node allocated and released addresses",
    load: async () => (await import("./history.ts")).history,
  },
  lint: {
    summary: "Check network definitions before a cluster uses them",
    startsPrograms: true,
    load: async () => (await import("./lint.ts")).lint,
  },
  reconcile: {
    summary: "Free addresses that no pod uses (sweep once)",
    startsPrograms: true,
    load: async () => (await import("./reconcile.ts")).reconcile,
  },
  release: {
    summary: "Release addresses",
    startsPrograms: true,
    load: async () => (await import("./release.ts")).release,
  },
  resize: {
    summary: "Grow, shrink or renumber a range while its pods run",
    startsPrograms: true,
    load: async () => (await import("./resize.ts")).resize,
  },
  migrate: {
    summary: "Convert data of older releases in etcd, or move it to a cluster",
    startsPrograms: true,
    load: async () => (await import("./migrate.ts")).migrate,
  },
  controller: {
    summary: "Run the controller: free leaked addresses, sweep, assign node slices",
    isServer: true,
    load: async () => (await import("./controller.ts")).controller,
  },
  install: {
    summary: "Install the plugin on this node and keep its credentials up to date",
    isServer: true,
    load: async () => (await import("./install.ts")).install,
  },
  agent: {
    summary: "Run the node agent: serve the plugin over a socket",
    isServer: true,
    load: async () => (await import("./agent.ts")).agent,
  },
  demo: {
    summary: "Show how addresses are assigned, with a store in memory",
    load: async () => (await import("./demo.ts")).demo,
  },
  completion: {
    summary: "Print a script for the completion of a shell",
    startsPrograms: true,
    load: async () => (await import("./completion.ts")).completionOf(COMMANDS),
  },
  version: {
    summary: "Print the version",
    load: async () => (await import("./version.ts")).version,
  },
};

/** The parts of the process that are not in World. */
interface Stdio
  extends Pick<Terminal, "openCluster" | "inspectApi" | "readDocuments" | "writeYaml" | "platform" | "ask" | "screen"> {
  /** Writes text to standard output. */
  readonly write: (text: string) => void;
  /** Whether standard output is a terminal; its columns if they are known. */
  readonly terminal: boolean | number;
  /** Writes text to standard error. Absent unless both outputs are a terminal. */
  readonly progress?: ((text: string) => void) | undefined;
  /** The path or name under which this process was started. */
  readonly called: string;
  /** Drops the permission to run programs, irrevocably. */
  readonly forgoPrograms: () => void;
  /** Sets the handler of uncaught errors, after which the process continues. */
  readonly onUncaught: (handle: (error: unknown) => void) => void;
  /** Ends the process immediately. */
  readonly exit: (code: number) => void;
}

/**
 * Runs a command, or under the name of a program of the original, the command for it.
 *
 * @returns the exit code: that of the command, 1 if it fails, or 2 for a usage error
 */
export async function runCommand(
  args: readonly string[],
  world: World,
  loadDriver: Terminal["loadDriver"],
  stdio: Stdio,
): Promise<number> {
  const { write, terminal: isTerminal, progress: writeProgress, called, ...rest } = stdio;
  const oldName = oldNameOf(called);
  if (oldName !== undefined) {
    const print = (line: string) => write(`${line}\n`);
    const run = (translated: readonly string[], seen: World) =>
      runCommand(translated, seen, loadDriver, { ...stdio, called: "whereabouts" });
    return await runOldName(oldName, args, world, print, run);
  }
  const program = /(^|[/\\])kubectl[-_]whereabouts(\.exe)?$/.test(called) ? KUBECTL_PROGRAM : "whereabouts";
  const print = (line: string) => write(`${line}\n`);
  const [first = "", ...others] = commandFirst(args);
  const [name, options] = commandOf(first, others);
  prepare(name, world, rest);
  if (first === "" && program === "whereabouts") {
    world.stderr(`whereabouts ${VERSION}`);
    world.stderr(`CNI protocol versions supported: ${SUPPORTED_VERSIONS.join(", ")}`);
    return 0;
  }
  if (name === "help") {
    usage(program).forEach(print);
    return 0;
  }
  const style = styleFor(isTerminal, world.env("NO_COLOR"));
  let flags: readonly string[] = [];
  try {
    const command = await find(name, program);
    flags = Object.keys(command.manual.flags);
    if (options.some((option, i) => ["--help", "-h"].includes(option) && !options.slice(0, i).includes("--"))) {
      helpOf(program, name, command.manual).forEach(print);
      return 0;
    }
    const progress = writeProgress && progressLine(writeProgress, world);
    return await command.run({ ...rest, world, loadDriver, print, style, program, progress }, options);
  } catch (thrown) {
    const error = toUsageError(thrown, flags);
    const known = Object.hasOwn(COMMANDS, name) ? ` ${name}` : "";
    world.stderr(`${program}${known}: ${describe(error)}`);
    if (!(error instanceof UsageError)) return 1;
    world.stderr(`Use ${program}${known} --help for usage`);
    return 2;
  }
}

/** Drops permissions that the command does not need, and sets the handler of uncaught errors, before the command is loaded. */
function prepare(
  name: string,
  world: World,
  { forgoPrograms, onUncaught, exit }: Pick<Stdio, "forgoPrograms" | "onUncaught" | "exit">,
): void {
  const { startsPrograms, isServer }: Partial<Entry> = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] ?? {} : {};
  if (!startsPrograms) forgoPrograms();
  onUncaught((error) => {
    if (isServer) {
      const log = makeLogger(world, { level: "error" });
      log.error("Uncaught error; the process continues", { error: describe(error) });
    } else {
      world.stderr(`whereabouts ${name}: ${describe(error)}`);
      exit(1);
    }
  });
}

function describe(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return "The store or the cluster accepted the connection but did not answer in time";
  }
  return messageOf(error);
}

/** The command and its arguments. `help NAME` stands for `NAME --help`, and `--version` for `version`. */
function commandOf(first: string, others: readonly string[]): [name: string, options: readonly string[]] {
  if (["", "help", "--help", "-h"].includes(first)) return others[0] ? [others[0], ["--help"]] : ["help", []];
  return [first === "--version" ? "version" : first, others];
}

async function find(name: string, program: string): Promise<Command> {
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry) return await entry.load();
  const near = nearest(name.slice(0, 64), Object.keys(COMMANDS));
  throw new UsageError(
    `Unknown command ${JSON.stringify(name)}${near ? `: did you mean ${program} ${near}?` : ""}`,
  );
}

function usage(program: string): string[] {
  return [
    `Usage: ${program} COMMAND [FLAGS]`,
    ...section("Commands", Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary])),
    "",
    `Use ${program} COMMAND --help for flags and exit codes.`,
    "With CNI_COMMAND set it is a CNI IPAM plugin: it reads a network configuration and prints addresses.",
  ];
}
