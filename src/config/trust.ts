/**
 * What a network may name. The operator writes flags, environment and flat file; whoever writes a network configuration, or a file that one
 * names, is a tenant, who gets addresses and not the node's files.
 *
 * @module
 */
import { ConfinedPathError, isBelow, normalize, resolveBelow } from "../world/confine.ts";
import { DATA_FOLDER, type World } from "../world/world.ts";
import { isObject } from "../values/json.ts";
import { type Document, list, quote, text, type Warn } from "./document.ts";
import { type ConfigLayer, FLAT_FILES } from "./files.ts";
import { isEmpty } from "./merge.ts";
import { ConfigError, ForbiddenError } from "./types.ts";

/** What a path that a configuration names is for. */
export type PathPurpose = "configuration" | "log" | "database";

/** Further folders, for every purpose, separated by colons. Of the process: of the plugin, the agent or the controller. */
export const ALLOW_VARIABLE = "WHEREABOUTS_ALLOW_PATHS";

/** Folders below which a tenant may name files, by purpose: where installations keep such files. */
const FOLDERS: Readonly<Record<PathPurpose, readonly string[]>> = {
  configuration: ["/etc/cni", ...FLAT_FILES.map(cniFolder)],
  log: ["/var/log"],
  database: [DATA_FOLDER],
};

/** Fields that are the operator's alone, and where the operator writes them. Where a tenant writes them they are ignored, with a warning. */
const OPERATOR_FIELDS: Readonly<Record<string, string>> = {
  agent_socket: "only WHEREABOUTS_AGENT_SOCKET in the environment",
  allow_paths: "only the flat file",
  sleep_for_race: "only the flat file",
  stores: "only the flat file",
};

/** Fields that name a store. */
const STORE_FIELDS = ["datastore", "kubernetes", "etcd_host", "database"] as const;

/** Logins of etcd: they are for the endpoints that stand in the same layer. */
const ETCD_LOGIN = ["etcd_username", "etcd_password", "etcd_cert_file", "etcd_key_file"] as const;

/** A tenant names a file outside of the folders of its purpose. CNI code 7. */
export class ForbiddenPathError extends ForbiddenError {
  /** The class, for logs. */
  override name = "ForbiddenPathError";
}

/** A tenant names a store, and the operator allows the configured ones only. CNI code 7. */
export class ForbiddenStoreError extends ForbiddenError {
  /** The class, for logs. */
  override name = "ForbiddenStoreError";
}

/** The folders of each purpose, once the operator's additions are known. */
export class PathRules {
  readonly #more: readonly string[];
  readonly #configuration: readonly string[];

  /** From the environment, and from the flat file: its `allow_paths`, and the folder that the installer put it into. */
  constructor(world: Pick<World, "env">, flat: readonly ConfigLayer[]) {
    const named = (world.env(ALLOW_VARIABLE) ?? "").split(":");
    const written = flat.flatMap(({ document }) => list(document, "allow_paths")).filter((one) =>
      typeof one === "string"
    );
    this.#more = [...named, ...written].map(normalize).filter((path) => path !== undefined);
    const installed = [...flat.map(({ source }) => cniFolder(source)), world.env("CNI_CONF_DIR") ?? ""];
    this.#configuration = installed.map(normalize).filter((path) => path !== undefined).filter((path) => path !== "/");
  }

  /** Below these a tenant may name files of a purpose. */
  folders(purpose: PathPurpose): readonly string[] {
    const all = [...FOLDERS[purpose], ...(purpose === "configuration" ? this.#configuration : []), ...this.#more];
    return [...new Set(all)].filter((one) => !isBelow(one, all.filter((other) => other !== one)));
  }

  /**
   * Where a tenant's path leads.
   *
   * @throws {ForbiddenPathError} out of the folders of its purpose
   * @throws {ConfigError} the system does not say where
   */
  async resolve(world: Pick<World, "realPath">, field: string, path: string, purpose: PathPurpose): Promise<string> {
    try {
      return await resolveBelow(world, path, this.folders(purpose));
    } catch (error) {
      if (error instanceof ConfinedPathError) throw this.#forbidden(field, path, purpose);
      const reason = error instanceof Error ? error.message : String(error);
      throw new ConfigError(field, `Cannot use ${field} ${quote(path)}: ${reason}`, { cause: error });
    }
  }

  /** Warns of a path that is outside by its text, for processes that do not see the node's files. */
  check(field: string, path: string, purpose: PathPurpose, warn: Warn): void {
    const plain = normalize(path);
    const good = plain !== undefined && isBelow(plain, this.folders(purpose));
    if (!good) warn(this.#forbidden(field, path, purpose).message);
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

/** The layer without the fields that are not its author's to write. */
export function withoutOperatorFields(layer: ConfigLayer, warn: Warn): ConfigLayer {
  const document: Record<string, unknown> = { ...layer.document };
  for (const field of Object.keys(OPERATOR_FIELDS)) {
    if (isEmpty(document[field])) continue;
    warn(`${layer.source}.${field} is ignored: ${OPERATOR_FIELDS[field]} may set it`);
    delete document[field];
  }
  return { ...layer, document };
}

/** The layer without a `log_file` that its author may not name. The call goes on. */
export async function withoutForbiddenLog(
  layer: ConfigLayer,
  allowed: (field: string, path: string, purpose: PathPurpose) => Promise<unknown>,
  warn: Warn,
): Promise<ConfigLayer> {
  const path = text(layer.document, "log_file");
  if (path === undefined) return layer;
  try {
    await allowed(`${layer.source}.log_file`, path, "log");
    return layer;
  } catch (error) {
    if (!(error instanceof ForbiddenPathError)) throw error;
    warn(`${error.message}; nothing is written to it`);
    const { log_file: _, ...document } = layer.document;
    return { ...layer, document };
  }
}

/** The paths of a tenant's layer by which a store is opened. */
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

/** SQLite's name for a database without a file. */
function fileOf(database: string | undefined): string | undefined {
  return database === ":memory:" ? undefined : database;
}

/**
 * The layers below a tenant's without the logins that would go to its endpoints: a password is for the server that the operator names with it.
 */
export function withoutOthersLogins(layers: readonly ConfigLayer[]): ConfigLayer[] {
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
 * Holds a tenant to the stores that the flat file names, where that says `"stores": "configured"`.
 *
 * @throws {ForbiddenStoreError} a tenant's layer names another one
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
      `Cannot use ${source}.${foreign}: the flat file says "stores": "configured" and does not name this store; remove the field`,
    );
  }
}

/** The folder of CNI configurations that a flat file is in: `FOLDER/whereabouts.d/whereabouts.conf`. */
function cniFolder(flatFile: string): string {
  return flatFile.split("/").slice(0, -2).join("/");
}
