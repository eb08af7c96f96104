/**
 * What plugin and agent say to each other: one JSON document each way over a unix stream socket, ended by closing that direction.
 *
 * The plugin sends an {@linkcode AgentRequest}; the agent answers with an {@linkcode AgentAnswer}. An agent that does not know the
 * version closes without an answer, and the plugin does the work itself: releases meet during an upgrade.
 *
 * @module
 */

/** Version of the protocol. */
export const PROTOCOL = 1;

/** Where the agent listens unless told otherwise. */
export const DEFAULT_SOCKET = "/run/whereabouts/agent.sock";

/** Names another socket, or `off`. */
export const SOCKET_VARIABLE = "WHEREABOUTS_AGENT_SOCKET";

/** Variables of a call that the agent needs. */
export const FORWARDED = ["CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"] as const;

/** One call of the plugin. */
export interface AgentRequest {
  /** {@linkcode PROTOCOL}. */
  readonly protocol: number;
  /** The forwarded variables that are set. */
  readonly env: Readonly<Record<string, string>>;
  /** Standard input. */
  readonly stdin: string;
}

/** What the plugin prints. */
export interface AgentAnswer {
  /** {@linkcode PROTOCOL}. */
  readonly protocol: number;
  /** For standard output. */
  readonly stdout: string;
  /** The exit code. */
  readonly exitCode: number;
}
