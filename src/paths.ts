/**
 * Paths that several parts of the program share.
 *
 * @module
 */

/** The program's own folder for data that survives a reboot: the journal, and the database of the embedded store. */
export const DATA_FOLDER = "/var/lib/cni/whereabouts";

/** The program's own folder for data that does not survive a reboot: the agent's socket, and locks. */
export const RUN_FOLDER = "/run/whereabouts";

/** Default folder of CNI configurations. */
export const CNI_FOLDER = "/etc/cni/net.d";

/** Name of the folder of our files in a folder of CNI configurations; the original's. */
export const OWN_FOLDER = "whereabouts.d";

/** Name of the flat file in {@linkcode OWN_FOLDER}; the original's. */
export const FLAT_FILE = "whereabouts.conf";

/** Name of the plugin's kubeconfig in {@linkcode OWN_FOLDER}; the original's. */
export const KUBECONFIG_FILE = "whereabouts.kubeconfig";

/** Name of the file in {@linkcode OWN_FOLDER} that holds the node's name. */
export const NODE_NAME_FILE = "nodename";

/** Folder with the credentials of a pod's service account. */
export const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
