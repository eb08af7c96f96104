/**
 * What plugin and agent say to each other over a unix stream socket: a line with one JSON document, and one line back. Either side's end of a
 * line may be missing where it closes. The plugin keeps its side open until then, so that the agent sees when it dies.
 *
 * The plugin sends an {@linkcode AgentRequest}; the agent answers with an {@linkcode AgentAnswer}. An agent that does not know the
 * version closes without an answer, and the plugin does the work itself: releases meet during an upgrade. So does one that cannot use the
 * configuration of a call or the files that it names: it may run where they cannot be seen.
 *
 * @module
 */
import { RUN_FOLDER } from "../world/world.ts";

/** Version of the protocol. */
export const PROTOCOL = 1;

/** Where the agent listens unless told otherwise. */
export const DEFAULT_SOCKET = `${RUN_FOLDER}/agent.sock`;

/** Names another socket, or `off`. */
export const SOCKET_VARIABLE = "WHEREABOUTS_AGENT_SOCKET";

/**
 * Milliseconds the agent may take before the plugin does the work itself: half of the shortest deadline of a verb that writes. The agent
 * itself gives up somewhat earlier, so that it does nothing any more for a caller who has turned elsewhere.
 */
export const AGENT_SHARE = 30_000;

/** One call of the plugin. */
export interface AgentRequest {
  /** {@linkcode PROTOCOL}. */
  readonly protocol: number;
  /** The variables of the call that are set. */
  readonly env: Readonly<Record<string, string>>;
  /** Standard input. */
  readonly stdin: string;
}

/** Lines for a log file of the node, which the agent in its container does not see. */
export interface LogLines {
  /** The file. */
  readonly file: string;
  /** The lines. */
  readonly text: string;
  /** Folders that the file must be in. Absent: anywhere. */
  readonly confinedTo?: readonly string[];
}

/** What the plugin prints. */
export interface AgentAnswer {
  /** {@linkcode PROTOCOL}. */
  readonly protocol: number;
  /** For standard output. */
  readonly stdout: string;
  /** The exit code. */
  readonly exitCode: number;
  /** What the plugin writes to log files. Absent: nothing; releases that do not know it write nothing. */
  readonly logs?: readonly LogLines[];
}
