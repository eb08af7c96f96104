/**
 * Opens a store by its URL, for callers without a CNI network configuration.
 *
 * @module
 */
import type { Document } from "../src/config/document.ts";
import { findKubeconfig } from "../src/config/kubeconfig.ts";
import { loadConfig } from "../src/config/load.ts";
import { storeFields } from "../src/config/store_url.ts";
import type { Datastore, IpamConfig } from "../src/config/types.ts";
import { Pool } from "../src/ipam/pool.ts";
import { denoWorld } from "../src/world/deno.ts";
import { type Logger, SILENT } from "../src/world/log.ts";
import type { World } from "../src/world/world.ts";
import { openStore } from "./mod.ts";

/** Options of {@linkcode openPool} and {@linkcode datastoreOf}. */
export interface StoreOptions {
  /** Further fields of `ipam`, such as `exclude`, `network_name` or `etcd_username`. */
  readonly ipam?: Document;
  /** Namespace of the IPPools in a cluster. Default: that of the kubeconfig's context. */
  readonly namespace?: string;
  /** Context of the kubeconfig. Default: its current one. */
  readonly context?: string;
  /** The machine. Default: this one. */
  readonly world?: World;
  /** Receives events and warnings. Default: discarded. */
  readonly log?: Logger;
}

/**
 * Opens the pool of a range. The flat file of a node is not read.
 *
 * @param url `sqlite:FILE`, `:memory:`, `etcd://HOST:PORT`, `etcds://HOST:PORT` (TLS), `kubernetes:KUBECONFIG`, or `kubernetes:` for the
 *   cluster of kubectl, else of this pod
 * @param range a CIDR (`10.0.0.0/24`), or bounds with a prefix length (`10.0.0.10-10.0.0.20/24`)
 * @throws {RangeError} the URL has another form, or the options describe several ranges or node slices
 * @throws {ConfigError} a field is invalid
 * @throws {RefusedError} credentials or files are missing or invalid
 *
 * @example
 * ```ts
 * import { openPool } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * await using pool = await openPool(":memory:", "10.0.0.0/24", { ipam: { exclude: ["10.0.0.1"] } });
 * assert.equal(await pool.allocate("printer"), "10.0.0.2");
 * assert.deepEqual((await pool.free()).take(2).toArray(), ["10.0.0.3", "10.0.0.4"]);
 * assert.deepEqual(await pool.list(), [{ address: "10.0.0.2", owner: "printer", interface: "pool" }]);
 * assert.equal(await pool.release("printer"), "10.0.0.2");
 * ```
 */
export async function openPool(url: string, range: string, options: StoreOptions = {}): Promise<Pool> {
  const { world = denoWorld(), log = SILENT } = options;
  const config = await configOf(url, { ...options, ipam: { ...options.ipam, range } }, "allocate");
  const [first, ...others] = config.ranges;
  if (!first || others.length > 0 || config.nodeSliceSize !== undefined || first.blocks) {
    throw new RangeError(
      "Cannot open a pool with ipRanges, node_slice_size or block_size: expected one range in one pool",
    );
  }
  return new Pool(await openStore(config, { world, log }), config, first);
}

/**
 * The store of a URL, for `openStore`. The URL has the forms of {@linkcode openPool}.
 *
 * @throws {RangeError} the URL has another form
 * @throws {ConfigError} a field is invalid
 *
 * @example
 * ```ts
 * import { datastoreOf, denoWorld, openStore } from "@whereabouts/whereabouts";
 *
 * const datastore = await datastoreOf(":memory:");
 * await using store = await openStore({ datastore }, { world: denoWorld() });
 * console.log(await store.driver.list(AbortSignal.timeout(10_000))); // []
 * ```
 */
export async function datastoreOf(url: string, options: StoreOptions = {}): Promise<Datastore> {
  return (await configOf(url, options, "store")).datastore;
}

async function configOf(url: string, options: StoreOptions, purpose: "allocate" | "store"): Promise<IpamConfig> {
  const { world = denoWorld(), log = SILENT, ipam, namespace, context } = options;
  const fields = storeFields(url, url === "kubernetes:" ? await findKubeconfig(world, true) : undefined);
  const conf = { name: "pool", ipam: { type: "whereabouts", ...ipam, ...fields } };
  const { config, warnings } = await loadConfig(world, { conf, purpose, author: "operator", below: [] });
  for (const warning of warnings) log.warn(warning);
  if (config.datastore.kind !== "kubernetes") return config;
  const datastore = {
    ...config.datastore,
    client: "command" as const,
    ...(namespace !== undefined && { namespace }),
    ...(context !== undefined && { context }),
  };
  return { ...config, datastore };
}
