/**
 * The files of an installation, as values. Their names and contents are the original's; the kubeconfig is JSON, which is YAML too.
 *
 * @module
 */
import type { Document } from "../config/document.ts";
import { mergeDocuments } from "../config/merge.ts";
import type { InstallSettings } from "./settings.ts";

/** A file to be written. */
export interface PlannedFile {
  /** Path as this process sees it. */
  readonly path: string;
  /** What stands in it. */
  readonly text: string;
}

/** What a pod's service account gives. */
export interface Credentials {
  /** Bearer token. */
  readonly token: string;
  /** CA certificates (PEM). Undefined where the server is not verified. */
  readonly ca: string | undefined;
}

/** Name of the plugin in the folder of plugins. */
export const PLUGIN = "whereabouts";
const FOLDER = "whereabouts.d";
const KUBECONFIG = "whereabouts.kubeconfig";

/** Where the kubeconfig of the plugin is written. */
export function kubeconfigPath(settings: InstallSettings): string {
  return `${folderOf(settings)}/${KUBECONFIG}`;
}

/** The kubeconfig of the plugin; undefined where no API server or namespace is known. */
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
 * The flat file, and the node's name where it is known. Paths inside are the host's.
 *
 * @param operator fields of the operator's, which win over those that are generated
 */
export function configurationFiles(settings: InstallSettings, operator: Document = {}): readonly PlannedFile[] {
  const host = `${settings.hostConfFolder}/${FOLDER}`;
  const store = namesOtherStore(operator)
    ? {}
    : { datastore: "kubernetes", kubernetes: { kubeconfig: `${host}/${KUBECONFIG}` } };
  const generated = { ...store, configuration_path: host, reconciler_cron_expression: settings.cron };
  const flat = mergeDocuments(operator, generated);
  const own = folderOf(settings);
  return [
    { path: `${own}/whereabouts.conf`, text: `${JSON.stringify(flat, undefined, 2)}\n` },
    ...(settings.nodeName === "" ? [] : [{ path: `${own}/nodename`, text: settings.nodeName }]),
  ];
}

function namesOtherStore(operator: Document): boolean {
  const { datastore, etcd_host: etcd, database } = operator;
  return datastore ? datastore !== "kubernetes" : Boolean(etcd || database);
}

/** Everything an installation leaves on a node, in the order it is taken away: the plugin first, what it needs after it. */
export function installedPaths(settings: InstallSettings): readonly string[] {
  const own = folderOf(settings);
  return [
    `${settings.binFolder}/${PLUGIN}`,
    `${own}/nodename`,
    `${own}/whereabouts.conf`,
    kubeconfigPath(settings),
  ];
}

/** The folder of our own files. */
export function folderOf({ confFolder }: InstallSettings): string {
  return `${confFolder}/${FOLDER}`;
}

/** In pieces: a call takes some 100,000 arguments, and a bundle of authorities is larger. */
function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let binary = "";
  for (let at = 0; at < bytes.length; at += PIECE) binary += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return btoa(binary);
}

const PIECE = 8_192;
