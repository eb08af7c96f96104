/**
 * The command line: which commands there are, each loaded when it is called.
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
import { styleFor } from "./style.ts";
import { KUBECTL_PROGRAM, type Terminal } from "./terminal.ts";

interface Entry {
  readonly summary: string;
  /** It starts the `exec` program of a kubeconfig, as kubectl does. The others give up the right to start programs. */
  readonly startsPrograms?: true;
  /** It stays: an error that nobody caught fails the call it came from, and not the process. */
  readonly stays?: true;
  readonly load: () => Promise<Command>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  show: {
    summary: "List the pools, or show who has what in some",
    startsPrograms: true,
    load: async () => (await import("./show.ts")).show,
  },
  "who-has": {
    summary: "Who has an address",
    startsPrograms: true,
    load: async () => (await import("./who_has.ts")).whoHas,
  },
  check: {
    summary: "Whether pools, reservations, pods, nodes and slices agree",
    startsPrograms: true,
    load: async () => (await import("./check.ts")).check,
  },
  reconcile: {
    summary: "Free what no pod holds: one sweep",
    startsPrograms: true,
    load: async () => (await import("./reconcile.ts")).reconcile,
  },
  release: {
    summary: "Take addresses back by hand",
    startsPrograms: true,
    load: async () => (await import("./release.ts")).release,
  },
  migrate: {
    summary: "Convert what older releases left in etcd, or move it into a cluster",
    startsPrograms: true,
    load: async () => (await import("./migrate.ts")).migrate,
  },
  controller: {
    summary: "Free what pods leave behind, sweep on a schedule, keep node slices",
    stays: true,
    load: async () => (await import("./controller.ts")).controller,
  },
  install: {
    summary: "Put the plugin on this node and keep its credentials fresh",
    stays: true,
    load: async () => (await import("./install.ts")).install,
  },
  agent: {
    summary: "Serve the plugin of this node over a socket",
    stays: true,
    load: async () => (await import("./agent.ts")).agent,
  },
  demo: {
    summary: "Show the main job on an embedded store in memory",
    load: async () => (await import("./demo.ts")).demo,
  },
  version: {
    summary: "Print the version",
    load: async () => (await import("./version.ts")).version,
  },
};

/** What the process offers besides the World. */
export interface Stdio extends Pick<Terminal, "openCluster" | "inspectApi" | "platform" | "ask"> {
  /** Writes text to standard output. */
  readonly write: (text: string) => void;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** The path or name that this process was called by. */
  readonly called: string;
  /** Gives up the right to start programs, for good. */
  readonly forgoPrograms: () => void;
  /** Tells of errors that nobody caught; the process goes on. */
  readonly onUncaught: (handle: (error: unknown) => void) => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

/** Runs a command. Returns the exit code: 0, the command's own, 1 where it fails, or 2 for a command line that means nothing. */
export async function runCommand(
  args: readonly string[],
  world: World,
  loadDriver: Terminal["loadDriver"],
  { write, terminal: colours, called, ...rest }: Stdio,
): Promise<number> {
  const program = /(^|[/\\])kubectl[-_]whereabouts(\.exe)?$/.test(called) ? KUBECTL_PROGRAM : "whereabouts";
  const print = (line: string) => write(`${line}\n`);
  const [first = "", ...others] = args;
  const [name, options] = wanted(first, others);
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
  const style = styleFor(colours, world.env("NO_COLOR"));
  let flags: readonly string[] = [];
  try {
    const command = await find(name, program);
    flags = Object.keys(command.manual.flags);
    if (options.some((option, i) => ["--help", "-h"].includes(option) && !options.slice(0, i).includes("--"))) {
      helpOf(program, name, command.manual).forEach(print);
      return 0;
    }
    return await command.run({ ...rest, world, loadDriver, print, style, program }, options);
  } catch (thrown) {
    const error = toUsageError(thrown, flags);
    const known = Object.hasOwn(COMMANDS, name) ? ` ${name}` : "";
    world.stderr(`${program}${known}: ${wordsOf(error)}`);
    if (!(error instanceof UsageError)) return 1;
    world.stderr(`${program}${known} --help explains it`);
    return 2;
  }
}

/** What a command needs no right for is given up before it is loaded. */
function prepare(
  name: string,
  world: World,
  { forgoPrograms, onUncaught, exit }: Pick<Stdio, "forgoPrograms" | "onUncaught" | "exit">,
): void {
  const { startsPrograms, stays }: Partial<Entry> = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] ?? {} : {};
  if (!startsPrograms) forgoPrograms();
  onUncaught((error) => {
    if (stays) {
      const log = makeLogger(world, { level: "error" });
      log.error("Uncaught error: what it belongs to fails, the process goes on", { error: wordsOf(error) });
    } else {
      world.stderr(`whereabouts ${name}: ${wordsOf(error)}`);
      exit(1);
    }
  });
}

function wordsOf(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return "The store, or the cluster, gave no answer in time: it takes connections, and says nothing";
  }
  return messageOf(error);
}

/** `help NAME` is `NAME --help`, and `--version` is a command too. */
function wanted(first: string, others: readonly string[]): [name: string, options: readonly string[]] {
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
    `${program} COMMAND --help tells its flags and exit codes.`,
    "With CNI_COMMAND in the environment it is a CNI IPAM plugin: it reads a network configuration and prints addresses.",
  ];
}
