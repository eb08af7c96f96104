/**
 * The fields of a configuration, by name and JSON type. `docs.ts` documents them.
 *
 * @module
 */
import { DATA_FOLDER } from "../paths.ts";

/** The JSON type of a field. `strings` and `objects` are arrays; a table of fields is an object with these fields. */
export type FieldType = "string" | "boolean" | "integer" | "strings" | "objects" | Fields;

/** The fields of an object: JSON key to JSON type. */
export interface Fields {
  readonly [key: string]: FieldType;
}

/** The `type` of this plugin's `ipam` objects. */
export const PLUGIN = "whereabouts";

/** The default path of the embedded store's file. */
export const DEFAULT_DATABASE = `${DATA_FOLDER}/whereabouts.db`;
/** The default prefix of keys in etcd. */
export const DEFAULT_ETCD_PREFIX = "/whereabouts";

/** The fields of `kubernetes`. `k8s_api_root` is accepted for compatibility with the original, and ignored. */
export const KUBERNETES_FIELDS: Fields = { kubeconfig: "string", k8s_api_root: "string" };

/** The fields of `dns`. */
export const DNS_FIELDS: Fields = { nameservers: "strings", domain: "string", search: "strings", options: "strings" };

/** The fields of an element of `ipRanges`. */
export const RANGE_FIELDS: Fields = {
  range: "string",
  range_start: "string",
  range_end: "string",
  exclude: "strings",
  pick_addresses: "strings",
  enable_l3: "boolean",
  order: "string",
  reuse_after: "string",
  gateway: "string",
};

/** The fields of the `ipam` object and of the flat file. */
export const IPAM_FIELDS: Fields = {
  type: "string",
  ...RANGE_FIELDS,
  ipRanges: "objects",
  ipRangesAllocation: "string",
  exclude_gateway: "boolean",
  routes: "objects",
  dns: DNS_FIELDS,
  addresses: "objects",
  requests: "string",
  enable_overlapping_ranges: "boolean",
  verify_network_status: "boolean",
  network_name: "string",
  allow_persistent_ips: "boolean",
  allowPersistentIPs: "boolean",
  sticky: "string",
  preferred_ip: "boolean",
  node_slice_size: "string",
  node_slice_elastic: "boolean",
  block_size: "string",
  block_order: "string",
  datastore: "string",
  kubernetes: KUBERNETES_FIELDS,
  etcd_host: "string",
  etcd_username: "string",
  etcd_password: "string",
  etcd_ca_cert_file: "string",
  etcd_cert_file: "string",
  etcd_key_file: "string",
  etcd_server_name: "string",
  etcd_prefix: "string",
  database: "string",
  configuration_path: "string",
  agent_socket: "string",
  stores: "string",
  allow_paths: "strings",
  log_file: "string",
  log_format: "string",
  log_level: "string",
  reconciler_cron_expression: "string",
  sleep_for_race: "integer",
  leader_lease_duration: "integer",
  leader_renew_deadline: "integer",
  leader_retry_period: "integer",
};

/** Fields that are accepted for compatibility with the original, and ignored. */
export const IGNORED_FIELDS = ["leader_lease_duration", "leader_renew_deadline", "leader_retry_period"] as const;

/** The fields of an element of `routes`. */
export const ROUTE_FIELDS: Fields = {
  dst: "string",
  gw: "string",
  mtu: "integer",
  advmss: "integer",
  priority: "integer",
  table: "integer",
  scope: "integer",
};

/** The fields of an element of `addresses`. */
export const ADDRESS_FIELDS: Fields = { address: "string", gateway: "string" };
