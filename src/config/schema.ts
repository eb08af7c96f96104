/**
 * The fields of a configuration: one row each. What is written here is what is checked, what unknown keys are compared with, and
 * what the README's table shows.
 *
 * @module
 */

/** JSON type of a field. `strings` and `objects` are arrays. */
export type FieldType = "string" | "boolean" | "integer" | "strings" | "object" | "objects";

/** One field of the `ipam` object. */
export interface Field {
  /** JSON key. */
  readonly key: string;
  /** JSON type. */
  readonly type: FieldType;
  /** The default, as text for readers. */
  readonly default: string;
  /** One sentence for readers. */
  readonly doc: string;
}

/** Where the embedded store keeps its file. */
export const DEFAULT_DATABASE = "/var/lib/cni/whereabouts/whereabouts.db";
/** Key prefix in etcd. */
export const DEFAULT_ETCD_PREFIX = "/whereabouts";

function field(key: string, type: FieldType, fallback: string, doc: string): Field {
  return { key, type, default: fallback, doc };
}

/** The fields of the `ipam` object and of the flat file. */
export const IPAM_FIELDS: readonly Field[] = [
  field("type", "string", "", "Must be `whereabouts` in the inline configuration."),
  field("range", "string", "", "CIDR (`10.0.0.0/24`) or bounds with a prefix length (`10.0.0.10-10.0.0.20/24`)."),
  field("range_start", "string", "first usable", "Lowest address to give out of `range`."),
  field("range_end", "string", "last usable", "Highest address to give out of `range`, inclusive."),
  field("exclude", "strings", "[]", "CIDRs or addresses of `range` that are never given."),
  field(
    "ipRanges",
    "objects",
    "[]",
    "Further ranges (`range`, `range_start`, `range_end`, `exclude`); each gives one address.",
  ),
  field("gateway", "string", "none", "Gateway of addresses of its own family."),
  field("exclude_gateway", "boolean", "false", "Never give the gateway's address to a pod."),
  field(
    "routes",
    "objects",
    "[]",
    "Routes of the answer: `dst`, and `gw`, `mtu`, `advmss`, `priority`, `table`, `scope`.",
  ),
  field("dns", "object", "{}", "DNS of the answer: `nameservers`, `domain`, `search`, `options`."),
  field("addresses", "objects", "[]", "Addresses given besides, tracked in no pool: `address` (CIDR), `gateway`."),
  field(
    "enable_overlapping_ranges",
    "boolean",
    "true",
    "Reserve each address in the whole cluster, over all pools that contain it.",
  ),
  field("network_name", "string", "", "A separate allocation domain: its addresses do not meet those of others."),
  field("node_slice_size", "string", "none", "Prefix length of each node's slice of the range."),
  field("datastore", "string", "by what is configured", "`kubernetes`, `etcd` or `embedded`."),
  field(
    "kubernetes",
    "object",
    "{}",
    "`kubeconfig`: path of the kubeconfig file; without it the pod's service account is used.",
  ),
  field("etcd_host", "string", "", "etcd endpoints, comma-separated: `host:port` or URLs."),
  field("etcd_username", "string", "", "etcd login."),
  field("etcd_password", "string", "", "Password of the etcd login."),
  field("etcd_ca_cert_file", "string", "", "CA certificate of etcd (PEM file)."),
  field("etcd_cert_file", "string", "", "Client certificate for etcd (PEM file)."),
  field("etcd_key_file", "string", "", "Key of the client certificate (PEM file)."),
  field(
    "etcd_server_name",
    "string",
    "the host",
    "DNS name in etcd's certificate; needed where `etcd_host` is an IP address with TLS.",
  ),
  field("etcd_prefix", "string", DEFAULT_ETCD_PREFIX, "Prefix of all keys in etcd."),
  field("database", "string", DEFAULT_DATABASE, "SQLite file of the embedded store."),
  field(
    "configuration_path",
    "string",
    "none",
    "A further configuration file, or the folder of the flat file and `nodename`.",
  ),
  field("log_file", "string", "none", "File that gets every log line, besides standard error."),
  field("log_level", "string", "debug", "`panic`, `error`, `verbose` or `debug`."),
  field("reconciler_cron_expression", "string", "none", "Schedule of the sweep."),
  field("sleep_for_race", "integer", "0", "Test aid: seconds to wait between decision and write."),
  field("leader_lease_duration", "integer", "ignored", "Accepted for the original's sake: no lease is taken."),
  field("leader_renew_deadline", "integer", "ignored", "Accepted for the original's sake."),
  field("leader_retry_period", "integer", "ignored", "Accepted for the original's sake."),
];

/** The fields of an element of `ipRanges`. */
export const RANGE_FIELDS: readonly Field[] = [
  field("range", "string", "", "As `range`."),
  field("range_start", "string", "first usable", "As `range_start`."),
  field("range_end", "string", "last usable", "As `range_end`."),
  field("exclude", "strings", "[]", "As `exclude`."),
];

/** The fields of `kubernetes`. */
export const KUBERNETES_FIELDS: readonly Field[] = [
  field("kubeconfig", "string", "", "Path of the kubeconfig file."),
  field("k8s_api_root", "string", "ignored", "Accepted for the original's sake."),
];

/** The fields of `dns`. */
export const DNS_FIELDS: readonly Field[] = [
  field("nameservers", "strings", "[]", "Server addresses."),
  field("domain", "string", "", "Local domain."),
  field("search", "strings", "[]", "Search list."),
  field("options", "strings", "[]", "Resolver options."),
];

/** The fields of an element of `routes`. */
export const ROUTE_FIELDS: readonly Field[] = [
  field("dst", "string", "", "Destination CIDR."),
  field("gw", "string", "none", "Gateway."),
  ...["mtu", "advmss", "priority", "table", "scope"].map((key) => field(key, "integer", "none", "Passed through.")),
];

/** The fields of an element of `addresses`. */
export const ADDRESS_FIELDS: readonly Field[] = [
  field("address", "string", "", "The address with its prefix length."),
  field("gateway", "string", "none", "Its gateway."),
];

/** The configuration table of the README, in Markdown. */
export function configurationTable(): string {
  const rows = IPAM_FIELDS.map(({ key, type, default: fallback, doc }) => [`\`${key}\``, type, fallback, doc]);
  const headings = ["Field", "Type", "Default", "Meaning"];
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(headings), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
