/**
 * Loads a configuration together with its log.
 *
 * @module
 */
import { type AppendLog, type Logger, makeLogger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { loadConfig, type LoadInput } from "./load.ts";
import type { IpamConfig } from "./types.ts";

/** What the process provides to load configurations. */
export interface ConfigHost {
  /** The machine. */
  readonly world: World;
  /** Appends to the log file of a configuration. */
  readonly appendLog: AppendLog;
  /** Called with every valid configuration. */
  readonly configured?: (configured: Configured) => void;
  /** Called with the reason why a configuration is invalid, for this process alone (a file is not visible to it) or for every process. */
  readonly unusable?: (error: unknown) => void;
}

/** A configuration with its log. */
export interface Configured {
  /** The configuration, checked. */
  readonly config: IpamConfig;
  /** A log with the configuration's level, format and file. */
  readonly log: Logger;
  /** Whether no store is configured, so that the embedded default is used. Never true when a pod of Kubernetes needs an address. */
  readonly defaultStore: boolean;
}

/**
 * Loads a configuration, and logs its warnings to its own log.
 *
 * @throws {ConfigError} it is invalid; the error names the field
 */
export async function configure(host: ConfigHost, input: LoadInput): Promise<Configured> {
  const { config, warnings, notes, defaultStore } = await loadConfig(host.world, input).catch((error) => {
    host.unusable?.(error);
    throw error;
  });
  const configured = { config, log: makeLogger(host.world, config.log, host.appendLog), defaultStore };
  host.configured?.(configured);
  for (const warning of warnings) configured.log.warn(warning);
  for (const note of notes) configured.log.debug(note);
  return configured;
}
