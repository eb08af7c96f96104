/**
 * The environment of a command.
 *
 * @module
 */
import type { Platform } from "../world/platform.ts";
import type { OpenCluster } from "../controllers/cluster.ts";
import type { InspectApi } from "../install/preflight.ts";
import type { ReadDocuments } from "../lint/definitions.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { Screen } from "../world/screen.ts";
import type { World } from "../world/world.ts";
import type { ShowProgress } from "./progress.ts";
import type { Style } from "./style.ts";

/** The command of the kubectl plugin. */
export const KUBECTL_PROGRAM = "kubectl whereabouts";

/** What every command gets. */
export interface Terminal {
  /** The machine. */
  readonly world: World;
  /** Opens stores. */
  readonly loadDriver: LoadDriver;
  /** Opens a cluster. */
  readonly openCluster: OpenCluster;
  /** Checks an API server for an installation. */
  readonly inspectApi: InspectApi;
  /** Splits YAML or JSON into documents. */
  readonly readDocuments: ReadDocuments;
  /** A JSON value as YAML, without a final line break. */
  readonly writeYaml: (value: unknown) => Promise<string>;
  /** Sockets and signals, for servers. */
  readonly platform: () => Promise<Platform>;
  /** Writes a line, or several with line breaks between them, to standard output. */
  readonly print: (line: string) => void;
  /** The command of this program: `whereabouts` or `kubectl whereabouts`. */
  readonly program: string;
  /** Asks a yes/no question. Absent without a terminal. */
  readonly ask?: ((question: string) => boolean) | undefined;
  /** Takes the screen. Absent without a terminal. */
  readonly screen?: (() => Screen) | undefined;
  /**
   * Shows in a line how far long work has come. Absent unless a person sees it: both outputs are a terminal, and a table is printed. `showing`
   * of `progress.ts` writes lines otherwise.
   */
  readonly progress?: ShowProgress | undefined;
  /** Colours. */
  readonly style: Style;
}
