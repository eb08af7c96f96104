/**
 * What a record keeps of a call: what a release needs, without secrets.
 *
 * @module
 */
import { isKnown } from "../config/document.ts";
import { IPAM_FIELDS } from "../config/schema.ts";
import type { Datastore } from "../config/types.ts";

/** A store's settings without its password. */
export type RecordedStore =
  | Extract<Datastore, { readonly kind: "kubernetes" | "embedded" }>
  | Omit<Extract<Datastore, { readonly kind: "etcd" }>, "password">;

/** Members of a network configuration that a release needs. */
const MEMBERS = ["cniVersion", "name", "ipam"];
/** Members with a secret, at any depth. */
const SECRET = /password|token|secret/i;
/** The secret that opens a store. */
const LOGIN = /^etcd_password$/i;

/** The settings of a store without its password. */
export function recordedStore(datastore: Datastore): RecordedStore {
  if (datastore.kind !== "etcd") return datastore;
  const { password: _, ...store } = datastore;
  return store;
}

/**
 * Whether the settings of the current configuration name the store of a record. Ignores the password, and the folders that may contain the
 * store's files: the current ones apply.
 */
export function sameStore(store: RecordedStore, datastore: Datastore): boolean {
  return storeName(store) === storeName(recordedStore(datastore));
}

/** The settings that name a store, as one line. The order of their members does not matter. */
export function storeName(store: RecordedStore): string {
  const named = Object.entries(store).filter(([member]) => member !== "confinedTo");
  return JSON.stringify(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The part of a network configuration that a release needs, as text.
 *
 * @returns `withoutSecret`: whether `conf` lacks a secret that a release needs
 */
export function recordedConf(
  conf: Readonly<Record<string, unknown>>,
): { readonly conf: string; readonly withoutSecret: boolean } {
  let withoutSecret = false;
  const part = Object.fromEntries(Object.entries(conf).filter(([name]) => MEMBERS.includes(name)));
  const text = JSON.stringify(part, function (this: unknown, name, value) {
    if (this === part.ipam && !isKnown(name, IPAM_FIELDS)) return undefined; // a misspelled member may be a secret
    if (!SECRET.test(name)) return value;
    withoutSecret ||= LOGIN.test(name);
    return undefined;
  });
  return { conf: text, withoutSecret };
}
