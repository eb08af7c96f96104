/**
 * What a record keeps of a call: what a release needs, and no secret.
 *
 * @module
 */
import { isKnown } from "../config/document.ts";
import { IPAM_FIELDS } from "../config/schema.ts";
import type { Datastore } from "../config/types.ts";

/** A store's settings without its password: what a record may keep of them. */
export type RecordedStore =
  | Extract<Datastore, { readonly kind: "kubernetes" | "embedded" }>
  | Omit<Extract<Datastore, { readonly kind: "etcd" }>, "password">;

/** Members of a network configuration that a release reads. */
const MEMBERS = ["cniVersion", "name", "ipam"];
/** Members that hold a secret, in whatever case and wherever they stand; and the one of them that opens a store. */
const SECRET = /password|token|secret/i;
const LOGIN = /^etcd_password$/i;

/** The settings of a store as a record keeps them. */
export function recordedStore(datastore: Datastore): RecordedStore {
  if (datastore.kind !== "etcd") return datastore;
  const { password: _, ...store } = datastore;
  return store;
}

/**
 * Whether settings, as a configuration gives them now, name the store of a record. Passwords do not count, nor do the folders in which
 * the store's files may be: today's apply.
 */
export function sameStore(store: RecordedStore, datastore: Datastore): boolean {
  return storeName(store) === storeName(recordedStore(datastore));
}

/** The settings that name a store as one line, the same whatever the order of their members. */
export function storeName(store: RecordedStore): string {
  const named = Object.entries(store).filter(([member]) => member !== "confinedTo");
  return JSON.stringify(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The network configuration as a record keeps it: what a release reads of it, as text.
 *
 * @returns `withoutSecret`: whether something was left out that a release would need
 */
export function recordedConf(
  conf: Readonly<Record<string, unknown>>,
): { readonly conf: string; readonly withoutSecret: boolean } {
  let withoutSecret = false;
  const kept = Object.fromEntries(Object.entries(conf).filter(([name]) => MEMBERS.includes(name)));
  const text = JSON.stringify(kept, function (this: unknown, name, value) {
    if (this === kept.ipam && !isKnown(name, IPAM_FIELDS)) return undefined; // a misspelt name may hold a secret
    if (!SECRET.test(name)) return value;
    withoutSecret ||= LOGIN.test(name);
    return undefined;
  });
  return { conf: text, withoutSecret };
}
