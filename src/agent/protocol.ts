/**
 * The protocol between plugin and agent over a unix stream socket: one line with a JSON document in each direction. A side that closes may
 * omit the end of its line. The plugin keeps its side open until the answer, so that the agent detects when the plugin dies.
 *
 * The plugin sends an {@linkcode AgentRequest}; the agent answers with an {@linkcode AgentAnswer}. The agent closes without an answer if it
 * does not know the version, because releases differ during an upgrade, or if it cannot use the configuration of a call or the files that
 * it names, because its container may lack them. The plugin then serves the call itself.
 *
 * @module
 */
import { RUN_FOLDER } from "../paths.ts";

/** Version of the protocol. */
export const PROTOCOL = 1;

/** Default path of the socket. */
export const DEFAULT_SOCKET = `${RUN_FOLDER}/agent.sock`;

/** The environment variable that names another socket, or `off`. */
export const SOCKET_VARIABLE = "WHEREABOUTS_AGENT_SOCKET";

/**
 * Milliseconds that the agent may take before the plugin serves the call itself: half of the shortest deadline of a verb that writes. The
 * agent gives up earlier, so that it does not work for a caller that has stopped waiting.
 */
export const AGENT_TIMEOUT = 30_000;

/** One call of the plugin. */
export interface AgentRequest {
  /** {@linkcode PROTOCOL}. */
  readonly protocol: number;
  /** The CNI variables that are set. */
  readonly env: Readonly<Record<string, string>>;
  /** Standard input. */
  readonly stdin: string;
}

/** Lines for a log file of the node, which the agent cannot write from its container. */
export interface LogLines {
  /** The file. */
  readonly file: string;
  /** The lines. */
  readonly text: string;
  /** Folders that may contain the file. Absent: any. */
  readonly confinedTo?: readonly string[];
}

/** The answer to a call. */
export interface AgentAnswer {
  /** {@linkcode PROTOCOL}. */
  readonly protocol: number;
  /** For standard output. */
  readonly stdout: string;
  /** The exit code. */
  readonly exitCode: number;
  /** Lines that the plugin writes to log files. Absent: none. Older plugins ignore it. */
  readonly logs?: readonly LogLines[];
}
