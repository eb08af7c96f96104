/**
 * Restricts what a network configuration may name. The operator controls flags, environment and flat file. The author of a network
 * configuration, or of a file that it names, is a tenant, who may get addresses but not the node's files.
 *
 * @module
 */
import { ConfinedPathError, isBelow, normalize, resolveBelow } from "../world/confine.ts";
import { DATA_FOLDER } from "../paths.ts";
import type { World } from "../world/world.ts";
import { isObject } from "../values/json.ts";
import { type Document, isEmpty, list, quote, text, type Warn } from "./document.ts";
import { type ConfigLayer, FLAT_FILES } from "./files.ts";
import { ConfigError, ForbiddenError } from "./types.ts";
import { messageOf } from "../values/errors.ts";

/** The purpose of a path in a configuration. */
export type PathPurpose = "configuration" | "log" | "database";

/** Environment variable of the plugin, the agent and the controller: further folders, for every purpose, separated by colons. */
export const ALLOW_VARIABLE = "WHEREABOUTS_ALLOW_PATHS";

/** Folders below which a tenant may name files, by purpose: those where installations keep such files. */
const FOLDERS: Readonly<Record<PathPurpose, readonly string[]>> = {
  configuration: ["/etc/cni", ...FLAT_FILES.map(cniFolder)],
  log: ["/var/log"],
  database: [DATA_FOLDER],
};

/** Fields that only the operator may set, and where. In a tenant's layer they are ignored with a warning. */
const OPERATOR_FIELDS: Readonly<Record<string, string>> = {
  agent_socket: "only WHEREABOUTS_AGENT_SOCKET in the environment",
  allow_paths: "only the flat file",
  sleep_for_race: "only the flat file",
  stores: "only the flat file",
};

/** Fields that select a store. */
const STORE_FIELDS = ["datastore", "kubernetes", "etcd_host", "database"] as const;

/** Logins of etcd, which are for the endpoints of the same layer. */
const ETCD_LOGIN = ["etcd_username", "etcd_password", "etcd_cert_file", "etcd_key_file"] as const;

/** A tenant names a file outside of the folders for its purpose. CNI code 7. */
export class ForbiddenPathError extends ForbiddenError {
  /** The class, for logs. */
  override name = "ForbiddenPathError";
}

/** A tenant selects another store although the operator allows only the configured ones. CNI code 7. */
export class ForbiddenStoreError extends ForbiddenError {
  /** The class, for logs. */
  override name = "ForbiddenStoreError";
}

/** The allowed folders of each purpose, including those that the operator adds. */
export class PathRules {
  readonly #more: readonly string[];
  readonly #configuration: readonly string[];

  /** Reads the environment, and from the flat file `allow_paths` and the folder into which the installer wrote it. */
  constructor(world: Pick<World, "env">, flat: readonly ConfigLayer[]) {
    const ofEnvironment = (world.env(ALLOW_VARIABLE) ?? "").split(":");
    const ofFile = flat.flatMap(({ document }) => list(document, "allow_paths")).filter((one) =>
      typeof one === "string"
    );
    this.#more = [...ofEnvironment, ...ofFile].map(normalize).filter((path) => path !== undefined);
    const installed = [...flat.map(({ source }) => cniFolder(source)), world.env("CNI_CONF_DIR") ?? ""];
    this.#configuration = installed.map(normalize).filter((path) => path !== undefined).filter((path) => path !== "/");
  }

  /** The folders below which a tenant may name files of a purpose. */
  folders(purpose: PathPurpose): readonly string[] {
    const all = [...FOLDERS[purpose], ...(purpose === "configuration" ? this.#configuration : []), ...this.#more];
    return [...new Set(all)].filter((one) => !isBelow(one, all.filter((other) => other !== one)));
  }

  /**
   * Resolves a tenant's path, links included.
   *
   * @throws {ForbiddenPathError} it leads out of the folders of its purpose
   * @throws {ConfigError} the system cannot resolve it
   */
  async resolve(world: Pick<World, "realPath">, field: string, path: string, purpose: PathPurpose): Promise<string> {
    try {
      return await resolveBelow(world, path, this.folders(purpose));
    } catch (error) {
      if (error instanceof ConfinedPathError) throw this.#forbidden(field, path, purpose);
      const reason = messageOf(error);
      throw new ConfigError(field, `Cannot use ${field} ${quote(path)}: ${reason}`, { cause: error });
    }
  }

  /** Checks only the text of a path, and warns: for processes that cannot access the node's files. */
  check(field: string, path: string, purpose: PathPurpose, warn: Warn): void {
    const plain = normalize(path);
    const isAllowed = plain !== undefined && isBelow(plain, this.folders(purpose));
    if (!isAllowed) warn(this.#forbidden(field, path, purpose).message);
  }

  #forbidden(field: string, path: string, purpose: PathPurpose): ForbiddenPathError {
    return new ForbiddenPathError(
      field,
      `Cannot use ${field} ${quote(path)}: a network may name files of this purpose (${purpose}) below ` +
        `${
          this.folders(purpose).join(", ")
        } only; an operator allows more in allow_paths of the flat file or in ${ALLOW_VARIABLE}`,
    );
  }
}

/** The layer without the fields that only the operator may set. */
export function withoutOperatorFields(layer: ConfigLayer, warn: Warn): ConfigLayer {
  const document: Record<string, unknown> = { ...layer.document };
  for (const field of Object.keys(OPERATOR_FIELDS)) {
    if (isEmpty(document[field])) continue;
    warn(`${layer.source}.${field} is ignored: ${OPERATOR_FIELDS[field]} may set it`);
    delete document[field];
  }
  return { ...layer, document };
}

/** The layer without a `log_file` that its author may not name. This only warns, so that the call continues. */
export async function withoutForbiddenLog(
  layer: ConfigLayer,
  checkPath: (field: string, path: string, purpose: PathPurpose) => Promise<unknown>,
  warn: Warn,
): Promise<ConfigLayer> {
  const path = text(layer.document, "log_file");
  if (path === undefined) return layer;
  try {
    await checkPath(`${layer.source}.log_file`, path, "log");
    return layer;
  } catch (error) {
    if (!(error instanceof ForbiddenPathError)) throw error;
    warn(`${error.message}; nothing is written to it`);
    const { log_file: _, ...document } = layer.document;
    return { ...layer, document };
  }
}

/** The paths in a tenant's layer that are needed to open the store. */
export function storePaths({ source, document }: ConfigLayer): { field: string; path: string; purpose: PathPurpose }[] {
  const kubernetes: Document = isObject(document.kubernetes) ? document.kubernetes : {};
  const files = ["etcd_ca_cert_file", "etcd_cert_file", "etcd_key_file"].map((key) =>
    [key, text(document, key)] as const
  );
  return [
    ["kubernetes.kubeconfig", text(kubernetes, "kubeconfig"), "configuration"] as const,
    ...files.map(([key, path]) => [key, path, "configuration"] as const),
    ["database", fileOf(text(document, "database")), "database"] as const,
  ].flatMap(([key, path, purpose]) => path === undefined ? [] : [{ field: `${source}.${key}`, path, purpose }]);
}

/** The path of a database. Undefined if the database is in memory. */
function fileOf(database: string | undefined): string | undefined {
  return database === ":memory:" ? undefined : database;
}

/**
 * Removes from each layer the logins that would go to the endpoints of a layer above: a password is only for the server that its author names.
 */
export function withoutForeignLogins(layers: readonly ConfigLayer[]): ConfigLayer[] {
  return layers.map((layer, i) => {
    const above = layers.slice(0, i).map(({ document }) => text(document, "etcd_host")).find((host) =>
      host !== undefined
    );
    if (above === undefined || above === text(layer.document, "etcd_host")) return layer;
    const document = Object.fromEntries(
      Object.entries(layer.document).filter(([key]) => !(ETCD_LOGIN as readonly string[]).includes(key)),
    );
    return { ...layer, document };
  });
}

/**
 * Restricts tenants to the stores of the flat file, if that has `"stores": "configured"`.
 *
 * @throws {ForbiddenStoreError} a tenant's layer selects another store
 * @throws {ConfigError} `stores` is neither `any` nor `configured`
 */
export function checkStores(tenants: readonly ConfigLayer[], operators: readonly ConfigLayer[]): void {
  const stores = operators.map(({ document }) => text(document, "stores")).find((value) => value !== undefined) ??
    "any";
  if (stores !== "any" && stores !== "configured") {
    const source = operators.find(({ document }) => !isEmpty(document.stores))?.source;
    throw new ConfigError(
      "ipam.stores",
      `Cannot use stores ${quote(stores)} of ${source}: expected "any" or "configured"`,
    );
  }
  if (stores === "any") return;
  for (const { source, document } of tenants) {
    const foreign = STORE_FIELDS.find((key) =>
      !isEmpty(document[key]) &&
      !operators.some((one) => JSON.stringify(one.document[key]) === JSON.stringify(document[key]))
    );
    if (foreign === undefined) continue;
    throw new ForbiddenStoreError(
      `${source}.${foreign}`,
      `Cannot use ${source}.${foreign}: the flat file has "stores": "configured" and does not name this store; remove the field`,
    );
  }
}

/** The folder of CNI configurations that contains a flat file: `FOLDER/whereabouts.d/whereabouts.conf`. */
function cniFolder(flatFile: string): string {
  return flatFile.split("/").slice(0, -2).join("/");
}
