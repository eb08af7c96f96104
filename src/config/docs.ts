/**
 * What the fields of a configuration mean to people: the README's table.
 *
 * @module
 */
import { DEFAULT_DATABASE, DEFAULT_ETCD_PREFIX, IPAM_FIELDS } from "./schema.ts";

/** Default and meaning of each field of the `ipam` object. */
export const FIELD_DOCS: Readonly<Record<string, readonly [fallback: string, meaning: string]>> = {
  type: ["", "Must be `whereabouts` in the inline configuration."],
  range: ["", "CIDR (`10.0.0.0/24`) or bounds with a prefix length (`10.0.0.10-10.0.0.20/24`)."],
  range_start: ["first usable", "Lowest address to give out of `range`."],
  range_end: ["last usable", "Highest address to give out of `range`, inclusive."],
  exclude: ["[]", "CIDRs or addresses of `range` that are never given; at most 10000."],
  ipRanges: [
    "[]",
    "Further ranges (`range`, `range_start`, `range_end`, `exclude`); each of at most 64 gives one address.",
  ],
  gateway: ["none", "Gateway of addresses of its own family."],
  exclude_gateway: ["true", "Keep the gateway's address free. `false` allocates it to a pod, as the original does."],
  routes: ["[]", "Routes of the answer: `dst`, and `gw`, `mtu`, `advmss`, `priority`, `table`, `scope`."],
  dns: ["{}", "DNS of the answer: `nameservers`, `domain`, `search`, `options`."],
  addresses: [
    "[]",
    "Static addresses outside of what the ranges allocate, tracked in no pool: `address` (CIDR), `gateway`.",
  ],
  requests: [
    "ranges",
    "Addresses that a caller may request: `ranges` (what a range may allocate), or `any` (others too, tracked in no pool).",
  ],
  enable_overlapping_ranges: ["true", "Reserve each address in the whole cluster, over all pools that contain it."],
  verify_network_status: [
    "true",
    "Free an address of a running pod whose network-status names another one of the range for its interface.",
  ],
  network_name: ["", "A separate allocation domain: its addresses do not meet those of others."],
  node_slice_size: ["none", "Prefix length of each node's slice of the ranges (NodeSlicePool objects)."],
  datastore: ["by what is configured", "`kubernetes`, `etcd` or `embedded`."],
  kubernetes: ["{}", "`kubeconfig`: path of the kubeconfig file; without it the pod's service account is used."],
  etcd_host: ["", "etcd endpoints, comma-separated: `host:port` or URLs."],
  etcd_username: ["", "etcd login."],
  etcd_password: ["", "Password of the etcd login."],
  etcd_ca_cert_file: ["", "CA certificate of etcd (PEM file)."],
  etcd_cert_file: ["", "Client certificate for etcd (PEM file)."],
  etcd_key_file: ["", "Key of the client certificate (PEM file)."],
  etcd_server_name: ["the host", "DNS name in etcd's certificate; needed where `etcd_host` is an IP address with TLS."],
  etcd_prefix: [DEFAULT_ETCD_PREFIX, "Prefix of all keys in etcd."],
  database: [DEFAULT_DATABASE, "SQLite file of the embedded store."],
  agent_socket: ["ignored", "`WHEREABOUTS_AGENT_SOCKET` in the environment names the agent's socket, or `off`."],
  stores: ["any", "Flat file only. `configured`: networks may name no store but those of the flat file."],
  allow_paths: ["[]", "Flat file only. Further folders below which networks may name files, for every purpose."],
  configuration_path: ["none", "A further configuration file, or the folder of the flat file and `nodename`."],
  log_file: ["none", "File that gets every log line, besides standard error."],
  log_format: ["logfmt", "How log lines are written: `logfmt` or `json`."],
  log_level: [
    "debug",
    "`error`, `warning`, `info` or `debug`; the original's `panic` (nothing) and `verbose` (`info`) too.",
  ],
  reconciler_cron_expression: ["none", "Schedule of the sweep."],
  sleep_for_race: ["0", "Flat file only. Test aid: seconds to wait between decision and write."],
  leader_lease_duration: ["ignored", "Accepted for the original's sake: no lease is taken."],
  leader_renew_deadline: ["ignored", "Accepted for the original's sake."],
  leader_retry_period: ["ignored", "Accepted for the original's sake."],
};

/** The configuration table of the README, in Markdown. */
export function configurationTable(): string {
  const rows = Object.entries(IPAM_FIELDS).map(([key, type]) => [
    `\`${key}\``,
    typeof type === "string" ? type : "object",
    ...FIELD_DOCS[key] ?? ["", ""],
  ]);
  const headings = ["Field", "Type", "Default", "Meaning"];
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(headings), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
