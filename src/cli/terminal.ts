/**
 * Where a command writes.
 *
 * @module
 */
import type { Platform } from "../world/platform.ts";
import type { OpenCluster } from "../controllers/cluster.ts";
import type { InspectApi } from "../install/preflight.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { World } from "../world/world.ts";
import type { Style } from "./style.ts";

/** How a plugin of kubectl is called. */
export const KUBECTL_PROGRAM = "kubectl whereabouts";

/** What every command gets. */
export interface Terminal {
  /** The machine. */
  readonly world: World;
  /** Opens stores. */
  readonly loadDriver: LoadDriver;
  /** Asks a cluster for its pods. */
  readonly openCluster: OpenCluster;
  /** Looks whether an API server is ready for the plugin. */
  readonly inspectApi: InspectApi;
  /** Sockets and signals, for commands that stay. */
  readonly platform: () => Promise<Platform>;
  /** Writes a line to standard output. */
  readonly print: (line: string) => void;
  /** How this program is called: `whereabouts`, or `kubectl whereabouts`. */
  readonly program: string;
  /** Asks a question that is answered with yes or no. Absent where nobody sits at a terminal. */
  readonly ask?: ((question: string) => boolean) | undefined;
  /** Colour or none. */
  readonly style: Style;
}
