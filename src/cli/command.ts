/**
 * The command line: which subcommands there are, each loaded when it is called.
 *
 * @module
 */
import { SUPPORTED_VERSIONS } from "../cni/version.ts";
import type { Platform } from "../world/platform.ts";
import type { OpenCluster } from "../controllers/cluster.ts";
import type { InspectApi } from "../install/preflight.ts";
import type { LoadDriver } from "../storage/open.ts";
import { VERSION } from "../version.ts";
import type { World } from "../world/world.ts";
import { styleFor } from "./style.ts";
import { table } from "./pool_view.ts";
import { STORE_HELP } from "./store.ts";
import type { Terminal } from "./terminal.ts";

interface Command {
  readonly summary: string;
  /** Its flags, for the help. */
  readonly flags?: string;
  readonly run: (terminal: Terminal, args: readonly string[]) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  agent: {
    summary: "Serve the plugin of this node over a socket",
    flags: "--socket PATH, --http-address HOST:PORT, --log-level LEVEL",
    run: async (terminal, args) => (await import("./agent.ts")).agent(terminal, args),
  },
  check: {
    summary: "Whether pools, reservations and pods agree; exit code 3 where not",
    flags: `--pods FILE, ${STORE_HELP}`,
    run: async (terminal, args) => (await import("./check.ts")).check(terminal, args),
  },
  controller: {
    summary: "Free what pods leave behind, sweep on a schedule, keep node slices; replicas stand by",
    flags:
      `--http-address HOST:PORT, --interval 5m, --schedule-file FILE, --grace SECONDS, --lease-name NAME, --lease-namespace NAME, ` +
      `--log-level LEVEL, ${STORE_HELP}`,
    run: async (terminal, args) => (await import("./controller.ts")).controller(terminal, args),
  },
  demo: {
    summary: "Show the main job on an embedded store in memory",
    run: async (terminal) => (await import("./demo.ts")).demo(terminal),
  },
  install: {
    summary: "Put the plugin on this node and keep its credentials fresh",
    flags:
      "--agent, --once, --check, --uninstall, --bin-dir DIR, --conf-dir DIR, --host-conf-dir DIR, --namespace NAME, --node-name NAME",
    run: async (terminal, args) => (await import("./install.ts")).install(terminal, args),
  },
  reconcile: {
    summary: "Free what no pod holds",
    flags: `--dry-run, --grace SECONDS, --pods FILE, ${STORE_HELP}`,
    run: async (terminal, args) => (await import("./reconcile.ts")).reconcile(terminal, args),
  },
  release: {
    summary: "Take ADDRESS back by hand",
    flags: `--yes, ${STORE_HELP}`,
    run: async (terminal, args) => (await import("./release.ts")).releaseAddress(terminal, args),
  },
  show: {
    summary: "List pools, or show POOL",
    flags: `--map, ${STORE_HELP}`,
    run: async (terminal, args) => (await import("./show.ts")).show(terminal, args),
  },
  "who-has": {
    summary: "Who has ADDRESS",
    flags: STORE_HELP,
    run: async (terminal, args) => (await import("./who_has.ts")).whoHas(terminal, args),
  },
  version: {
    summary: "Print the version",
    run: ({ print }) => {
      print(VERSION);
      return Promise.resolve(0);
    },
  },
};

/** What the process offers besides the World. */
export interface Stdio {
  /** Writes text to standard output. */
  readonly write: (text: string) => void;
  /** Asks a cluster for its pods. */
  readonly openCluster: OpenCluster;
  /** Looks whether an API server is ready for the plugin. */
  readonly inspectApi: InspectApi;
  /** Sockets and signals. */
  readonly platform: () => Promise<Platform>;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
}

/** Runs a subcommand. Returns the exit code: 0, the command's own, or 2 for a command line that means nothing. */
export async function runCommand(
  args: readonly string[],
  world: World,
  loadDriver: LoadDriver,
  stdio: Stdio,
): Promise<number> {
  const [name = "", ...rest] = args;
  const print = (line: string) => stdio.write(`${line}\n`);
  if (name === "") {
    world.stderr(`whereabouts ${VERSION}`);
    world.stderr(`CNI protocol versions supported: ${SUPPORTED_VERSIONS.join(", ")}`);
    return 0;
  }
  if (["help", "--help", "-h"].includes(name)) {
    usage().forEach(print);
    return 0;
  }
  const command = COMMANDS[name === "--version" ? "version" : name];
  if (!command) {
    world.stderr(
      `Unknown command ${JSON.stringify(name)}: expected one of ${
        Object.keys(COMMANDS).join(", ")
      }; --help explains them`,
    );
    return 2;
  }
  const style = styleFor(stdio.terminal, world.env("NO_COLOR"));
  try {
    return await command.run({
      world,
      loadDriver,
      platform: stdio.platform,
      openCluster: stdio.openCluster,
      inspectApi: stdio.inspectApi,
      print,
      style,
    }, rest);
  } catch (error) {
    world.stderr(`whereabouts ${name}: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

function usage(): string[] {
  const rows = Object.entries(COMMANDS).flatMap((
    [name, { summary, flags }],
  ) => [[name, summary], ...flags ? wrapped(flags) : []]);
  return [
    "Usage: whereabouts COMMAND",
    "",
    "With CNI_COMMAND in the environment it is a CNI IPAM plugin: it reads a network configuration and prints addresses.",
    "",
    ...table(["COMMAND", "WHAT IT DOES"], rows),
  ];
}

/** Flags in lines that fit a terminal, as rows of the table. */
function wrapped(flags: string): string[][] {
  const lines: string[] = [];
  for (const flag of flags.split(", ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + flag.length < 96) lines[lines.length - 1] = `${last}, ${flag}`;
    else lines.push(`  ${flag}`);
  }
  return lines.map((line) => ["", line]);
}
