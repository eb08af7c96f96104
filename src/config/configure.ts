/**
 * A configuration as a process uses it: checked, with its log.
 *
 * @module
 */
import { type AppendLog, type Logger, makeLogger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { loadConfig, type LoadInput } from "./load.ts";
import type { IpamConfig } from "./types.ts";

/** The process that loads configurations. */
export interface ConfigHost {
  /** The machine. */
  readonly world: World;
  /** Appends to the log file of a configuration. */
  readonly appendLog: AppendLog;
  /** Called with each configuration that is loaded. */
  readonly configured?: (configured: Configured) => void;
  /** Called with the reason why a configuration is invalid here: a file is not visible to this process, or nobody can use it. */
  readonly unusable?: (error: unknown) => void;
}

/** A configuration with its log. */
export interface Configured {
  /** Checked. */
  readonly config: IpamConfig;
  /** Its level, format and file are the configuration's. */
  readonly log: Logger;
  /** No store is configured: the embedded default serves. Never so where a pod of Kubernetes needs an address. */
  readonly defaultStore: boolean;
}

/**
 * Loads a configuration. Its warnings go to its own log.
 *
 * @throws {ConfigError} the invalid field is named
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
