/**
 * The settings of an installation: flags, then the environment variables of the original's scripts.
 *
 * @module
 */
import { SERVICE_ACCOUNT_FOLDER } from "../paths.ts";

/** Where files are installed, and what is written to them. */
export interface InstallSettings {
  /** Folder of the CNI plugins, as this process sees it. */
  readonly binFolder: string;
  /** Folder of the CNI configurations, as this process sees it. */
  readonly confFolder: string;
  /** The same folder as the runtime on the host sees it; used in the contents of files. */
  readonly hostConfFolder: string;
  /** Namespace of the IPPools. Empty: the kubeconfig cannot be written. */
  readonly namespace: string;
  /** Name of this node. Empty: none is written, and the plugin uses the host name. */
  readonly nodeName: string;
  /** URL of the API server. Undefined: this process does not run in a pod. */
  readonly server: string | undefined;
  /** Folder with `token` and `ca.crt`. */
  readonly credentialFolder: string;
  /** File with the CA's certificates. */
  readonly caFile: string;
  /** Whether the CA is omitted, and the server is not verified. */
  readonly skipTlsVerify: boolean;
  /** Permissions of the files. */
  readonly mode: number;
  /** Schedule of the sweep, for the flat file. */
  readonly cron: string;
  /** File with the operator's fields of the flat file, from a mounted ConfigMap. It may be missing. */
  readonly flatFile: string;
}

/** Flags, which override the environment. */
interface InstallFlags {
  /** {@linkcode InstallSettings.binFolder}. */
  readonly binFolder?: string | undefined;
  /** {@linkcode InstallSettings.confFolder}. */
  readonly confFolder?: string | undefined;
  /** {@linkcode InstallSettings.hostConfFolder}. */
  readonly hostConfFolder?: string | undefined;
  /** {@linkcode InstallSettings.namespace}. */
  readonly namespace?: string | undefined;
  /** {@linkcode InstallSettings.nodeName}. */
  readonly nodeName?: string | undefined;
  /** {@linkcode InstallSettings.flatFile}. */
  readonly flatFile?: string | undefined;
}

/**
 * Reads the settings. Names and defaults are those of the original's `script/lib.sh`. `HOST_CNI_CONF_DIR` is new, for hosts with another folder
 * of configurations (k3s, MicroK8s); its default is `CNI_CONF_DIR` without a leading `/host`.
 *
 * @throws {RangeError} KUBECONFIG_MODE is not octal, or a folder is not absolute
 */
export function readSettings(env: (name: string) => string | undefined, flags: InstallFlags): InstallSettings {
  const confFolder = folder("CNI_CONF_DIR", flags.confFolder ?? (env("CNI_CONF_DIR") || "/host/etc/cni/net.d"));
  const hostConfFolder = flags.hostConfFolder ?? (env("HOST_CNI_CONF_DIR") || confFolder.replace(/^\/host(?=\/)/, ""));
  const credentialFolder = env("SERVICE_ACCOUNT_PATH") || SERVICE_ACCOUNT_FOLDER;
  return {
    binFolder: folder("CNI_BIN_DIR", flags.binFolder ?? (env("CNI_BIN_DIR") || "/host/opt/cni/bin")),
    confFolder,
    hostConfFolder: folder("HOST_CNI_CONF_DIR", hostConfFolder),
    namespace: flags.namespace ?? env("WHEREABOUTS_NAMESPACE") ?? "",
    nodeName: (flags.nodeName ?? env("NODENAME") ?? "").trim(),
    server: serverOf(env),
    credentialFolder,
    caFile: env("KUBE_CA_FILE") || `${credentialFolder}/ca.crt`,
    skipTlsVerify: env("SKIP_TLS_VERIFY") === "true",
    mode: modeOf(env("KUBECONFIG_MODE") || "600"),
    cron: env("WHEREABOUTS_RECONCILER_CRON") || "30 4 * * *",
    flatFile: flags.flatFile ?? (env("WHEREABOUTS_FLAT_FILE") || "/etc/whereabouts/whereabouts.conf"),
  };
}

function folder(name: string, path: string): string {
  if (path.startsWith("/")) return path.replace(/(?<=^\/|[^/])\/+$/, "");
  throw new RangeError(`Invalid ${name} ${JSON.stringify(path)}: expected an absolute path`);
}

function serverOf(env: (name: string) => string | undefined): string | undefined {
  const [host, port] = [env("KUBERNETES_SERVICE_HOST"), env("KUBERNETES_SERVICE_PORT")];
  if (!host || !port) return undefined;
  const protocol = env("KUBERNETES_SERVICE_PROTOCOL") || "https";
  return `${protocol}://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
}

function modeOf(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return parseInt(text, 8);
  throw new RangeError(`Invalid KUBECONFIG_MODE ${JSON.stringify(text)}: expected octal permissions such as 600`);
}
