/**
 * Opening a store without importing its driver: the entry points pass a loader to the core.
 *
 * @module
 */
import type { Datastore } from "../config/types.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { StorageDriver } from "./driver.ts";

/** What a driver may use. */
export interface OpenContext {
  /** The machine. */
  readonly world: World;
  /** Receives warnings about the store. */
  readonly log: Logger;
}

/**
 * Opens a store: reads credentials, connects lazily. The datastore's kind is the driver's.
 *
 * @throws {RefusedError} credentials or files are invalid
 * @throws {UnavailableError} the store cannot be reached
 */
export type OpenDriver = (datastore: Datastore, context: OpenContext) => Promise<StorageDriver>;

/** Loads the driver of a datastore kind. */
export type LoadDriver = (kind: Datastore["kind"]) => Promise<OpenDriver>;
