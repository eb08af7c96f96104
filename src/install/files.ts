/**
 * The files of an installation, as values. Names and contents are those of the original; the kubeconfig is JSON, which is valid YAML.
 *
 * @module
 */
import { type Document, mergeDocuments } from "../config/document.ts";
import { FLAT_FILE, KUBECONFIG_FILE, NODE_NAME_FILE, OWN_FOLDER } from "../paths.ts";
import type { InstallSettings } from "./settings.ts";

/** A file to write. */
export interface PlannedFile {
  /** Path as this process sees it. */
  readonly path: string;
  /** Its content. */
  readonly text: string;
}

/** The credentials of a service account. */
export interface Credentials {
  /** Bearer token. */
  readonly token: string;
  /** CA certificates (PEM). Undefined: the server is not verified. */
  readonly ca: string | undefined;
}

/** File name of the plugin. */
export const PLUGIN = "whereabouts";

/** Path of the plugin's kubeconfig. */
export function kubeconfigPath(settings: InstallSettings): string {
  return `${folderOf(settings)}/${KUBECONFIG_FILE}`;
}

/** The plugin's kubeconfig; undefined without an API server or a namespace. */
export function kubeconfigFile(settings: InstallSettings, { token, ca }: Credentials): PlannedFile | undefined {
  const { server, namespace } = settings;
  if (server === undefined || namespace === "") return undefined;
  const trust = ca === undefined ? { "insecure-skip-tls-verify": true } : { "certificate-authority-data": base64(ca) };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "local", cluster: { server, ...trust } }],
    users: [{ name: "whereabouts", user: { token } }],
    contexts: [{ name: "whereabouts-context", context: { cluster: "local", user: "whereabouts", namespace } }],
    "current-context": "whereabouts-context",
  };
  return { path: kubeconfigPath(settings), text: `${JSON.stringify(config, undefined, 2)}\n` };
}

/**
 * The flat file and, if known, the node's name. Paths in the flat file are those of the host.
 *
 * @param operator fields of the operator, which override the generated ones
 */
export function configurationFiles(settings: InstallSettings, operator: Document = {}): readonly PlannedFile[] {
  const host = `${settings.hostConfFolder}/${OWN_FOLDER}`;
  const store = namesOtherStore(operator)
    ? {}
    : { datastore: "kubernetes", kubernetes: { kubeconfig: `${host}/${KUBECONFIG_FILE}` } };
  const generated = { ...store, configuration_path: host, reconciler_cron_expression: settings.cron };
  const flat = mergeDocuments(operator, generated);
  const own = folderOf(settings);
  return [
    { path: `${own}/${FLAT_FILE}`, text: `${JSON.stringify(flat, undefined, 2)}\n` },
    ...(settings.nodeName === "" ? [] : [{ path: `${own}/${NODE_NAME_FILE}`, text: settings.nodeName }]),
  ];
}

function namesOtherStore(operator: Document): boolean {
  const { datastore, etcd_host: etcd, database } = operator;
  return datastore ? datastore !== "kubernetes" : Boolean(etcd || database);
}

/** All files of an installation, in the order of removal: the plugin first, then what it needs. */
export function installedPaths(settings: InstallSettings): readonly string[] {
  const own = folderOf(settings);
  return [
    `${settings.binFolder}/${PLUGIN}`,
    `${own}/${NODE_NAME_FILE}`,
    `${own}/${FLAT_FILE}`,
    kubeconfigPath(settings),
  ];
}

/** The folder of the plugin's configuration files. */
export function folderOf({ confFolder }: InstallSettings): string {
  return `${confFolder}/${OWN_FOLDER}`;
}

/** Encodes in chunks: a call takes about 100,000 arguments at most, and a CA bundle is larger. */
function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK) binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(binary);
}

/** Characters per call: each is an argument, and JavaScript engines limit their number. */
const CHUNK = 8_192;
