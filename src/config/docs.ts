/**
 * The documentation of the configuration fields: the table of docs/CONFIGURATION.md.
 *
 * @module
 */
import { DEFAULT_DATABASE, DEFAULT_ETCD_PREFIX, IPAM_FIELDS } from "./schema.ts";

/** The default and the meaning of each field of the `ipam` object. */
export const FIELD_DOCS: Readonly<Record<string, readonly [fallback: string, meaning: string]>> = {
  type: ["", "Must be `whereabouts` in the inline configuration."],
  range: ["", "CIDR (`10.0.0.0/24`) or bounds with a prefix length (`10.0.0.10-10.0.0.20/24`)."],
  range_start: ["first usable", "Lowest address to allocate from `range`."],
  range_end: ["last usable", "Highest address to allocate from `range`, inclusive."],
  exclude: ["[]", "CIDRs or addresses of `range` that are never allocated; at most 10000."],
  pick_addresses: [
    "[]",
    "The only addresses of `range` to allocate, in this order; bounds and excludes apply to them.",
  ],
  enable_l3: [
    "false",
    "Allocate network addresses, broadcast addresses and IPv4 addresses that end in `.0` too, for routed interfaces.",
  ],
  order: [
    "lowest",
    "The next address: the `lowest` free one, the one after the last (`rotate`), or a `random` free one. `pick_addresses` have their own order.",
  ],
  reuse_after: [
    "0",
    "How long a released address is not allocated to another owner, unless no other one is free: `60s`, `5m`, at most `24h`.",
  ],
  ipRanges: [
    "[]",
    "Further ranges, at most 64, each with the fields above from `range` on, and `gateway`.",
  ],
  ipRangesAllocation: [
    "all",
    "`all`: a pod gets an address of each range. `first_available`: one in all, of the first range that has one free.",
  ],
  gateway: ["none", "Gateway of the addresses of its own family."],
  exclude_gateway: ["true", "Never allocate the gateway's address. `false` allows it, as the original does."],
  routes: ["[]", "Routes of the result: `dst`, and `gw`, `mtu`, `advmss`, `priority`, `table`, `scope`."],
  dns: ["{}", "DNS of the result: `nameservers`, `domain`, `search`, `options`."],
  addresses: [
    "[]",
    "Static addresses, which no range may allocate and no pool tracks: `address` (CIDR), `gateway`.",
  ],
  requests: [
    "ranges",
    "Addresses that a caller may request: `ranges` (those that a range may allocate), or `any` (others too, tracked in no pool).",
  ],
  enable_overlapping_ranges: ["true", "Reserve each address in the whole cluster, across all pools that contain it."],
  verify_network_status: [
    "true",
    "Free the address of a running pod if its network-status has another address of the range on the same interface.",
  ],
  network_name: ["", "A separate allocation domain: other domains may allocate the same addresses."],
  allow_persistent_ips: [
    "false",
    "An IPAMClaim that a pod names keeps the pod's address while it exists ([PERSISTENT.md](PERSISTENT.md)).",
  ],
  allowPersistentIPs: ["false", "The same as `allow_persistent_ips`."],
  sticky: [
    "none",
    "`statefulset`: each pod of a StatefulSet keeps its addresses while the set exists and has the pod's ordinal.",
  ],
  preferred_ip: [
    "false",
    "Allocate the address of the pod's annotation `whereabouts.cni.cncf.io/preferred-ip` if it is free.",
  ],
  node_slice_size: ["none", "Prefix length of each node's slice of the ranges (NodeSlicePool objects)."],
  node_slice_elastic: [
    "false",
    "A node that has used up its slice takes another one, or borrows addresses ([OPERATIONS.md](OPERATIONS.md#elastic-node-slices)).",
  ],
  block_size: [
    "none",
    "Prefix length of the blocks in which the entries live ([OPERATIONS.md](OPERATIONS.md#blocks)): `/24`, or with IPv6 `/24,/120`.",
  ],
  block_order: [
    "lowest",
    "The first block to search: the `lowest`, or one of the node's own (`spread`), so that nodes seldom write to the same one.",
  ],
  datastore: ["by configuration", "`kubernetes`, `etcd` or `embedded`."],
  kubernetes: ["{}", "`kubeconfig`: path of the kubeconfig file; without it the pod's service account is used."],
  etcd_host: ["", "etcd endpoints, comma-separated: `host:port` or URLs."],
  etcd_username: ["", "etcd login."],
  etcd_password: ["", "Password of the etcd login."],
  etcd_ca_cert_file: ["", "CA certificate of etcd (PEM file)."],
  etcd_cert_file: ["", "Client certificate for etcd (PEM file)."],
  etcd_key_file: ["", "Key of the client certificate (PEM file)."],
  etcd_server_name: ["the host", "DNS name in etcd's certificate; required for TLS if `etcd_host` is an IP address."],
  etcd_prefix: [DEFAULT_ETCD_PREFIX, "Prefix of all keys in etcd."],
  database: [DEFAULT_DATABASE, "SQLite file of the embedded store."],
  agent_socket: ["ignored", "Set `WHEREABOUTS_AGENT_SOCKET` in the environment to the agent's socket, or to `off`."],
  stores: ["any", "Flat file only. `configured`: networks may use only the stores of the flat file."],
  allow_paths: ["[]", "Flat file only. Further folders in which networks may name files, for every purpose."],
  configuration_path: ["none", "A further configuration file, or the folder of the flat file and `nodename`."],
  log_file: ["none", "File to write log lines to, in addition to standard error."],
  log_format: ["logfmt", "Format of log lines: `logfmt` or `json`."],
  log_level: [
    "debug",
    "`error`, `warning`, `info` or `debug`; the original's `panic` (nothing) and `verbose` (`info`) too.",
  ],
  reconciler_cron_expression: ["none", "Schedule of the sweep."],
  sleep_for_race: ["0", "Flat file only. For tests: seconds to wait between decision and write."],
  leader_lease_duration: ["ignored", "Accepted for compatibility with the original: the plugin takes no lease."],
  leader_renew_deadline: ["ignored", "Accepted for compatibility with the original."],
  leader_retry_period: ["ignored", "Accepted for compatibility with the original."],
};

/** The table of docs/CONFIGURATION.md, in Markdown. */
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
