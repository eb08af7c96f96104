/**
 * How the core gets at a driver without knowing any: the entry points hand it a loader.
 *
 * @module
 */
import type { Datastore } from "../config/types.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { StorageDriver } from "./driver.ts";

/** What a driver may use while it opens. */
export interface OpenContext {
  /** The machine. */
  readonly world: World;
  /** Where to say what is odd in the store. */
  readonly log: Logger;
}

/**
 * Opens a store: reads credentials, connects lazily. The datastore's kind is the driver's own.
 *
 * @throws {RefusedError} credentials or files cannot be used
 * @throws {UnavailableError} the store cannot be reached
 */
export type OpenDriver = (datastore: Datastore, context: OpenContext) => Promise<StorageDriver>;

/** Loads the driver of a datastore kind. */
export type LoadDriver = (kind: Datastore["kind"]) => Promise<OpenDriver>;
