/**
 * Attacks that the author of a network may try with each setting: reading and writing files, delays, crashes, redirects, stolen credentials.
 *
 * @module
 */
import {
  ADDRESS_FIELDS,
  DNS_FIELDS,
  type Fields,
  IPAM_FIELDS,
  KUBERNETES_FIELDS,
  RANGE_FIELDS,
  ROUTE_FIELDS,
} from "../../src/config/schema.ts";

/** Folder of another service, with files that the plugin must not read or change. */
export const VICTIM = "/var/lib/victim";
/** Addresses of servers of the tenant, which no credentials may reach. */
export interface Traps {
  /** `HOST:PORT` of a server that accepts connections and never answers. */
  readonly server: string;
  /** Path of a unix socket. */
  readonly socket: string;
}

/** Members of `ipam`, and whether a store of the tenant delays the call until its deadline. */
export interface Attempt {
  readonly ipam: Readonly<Record<string, unknown>>;
  readonly waits?: true;
}

/** Paths of files of different kinds. */
const PATHS = [
  `${VICTIM}/secret.json`,
  `${VICTIM}/new`,
  `${VICTIM}/fifo`,
  "/dev/zero",
  "/proc/self/environ",
  "/var/lib/cni/whereabouts/../../victim/new",
  "/var/lib/cni/whereabouts/link/new",
  "/var/lib/cni/whereabouts/fifo",
  "/var/log/fifo",
  "/var/log/zero",
  "/var/log/link/new",
  "/etc/cni/net.d/fifo",
  "/etc/cni/net.d/zero",
  "/etc/cni/net.d/link/secret.json",
  "/etc/cni/net.d/other.conf",
  "/etc/cni/net.d",
];

/** Texts for any setting. */
const TEXTS = [
  "x".repeat(100_000),
  `\u0000\n2026-01-01T00:00:00Z [error] fake\u2028\u001b[2J`,
  `$(touch ${VICTIM}/new); '"\`touch ${VICTIM}/new\`"`,
];

const NUMBERS = [-1, Number.MAX_SAFE_INTEGER, 1e308];

const RANGES = [
  "0.0.0.0/0",
  "::/0",
  "10.0.0.0/33",
  "10.0.0.0/-1",
  "fd00::/999999999999999999999",
  "255.255.255.255/32",
  "::ffff:10.0.0.0/96",
  "10.0.0.0-10.255.255.255/8",
];

const hosts = (i: number) => ({ range: `10.250.${i >> 8}.${i & 255}/32` });

/** Values for particular settings. */
const SPECIAL: Readonly<Record<string, readonly unknown[]>> = {
  range: RANGES,
  range_start: ["0.0.0.0", "::", "255.255.255.255"],
  range_end: ["0.0.0.0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  exclude: [Array.from({ length: 10_000 }, (_, i) => `10.251.${i >> 8}.${i & 255}/32`), RANGES, ["0.0.0.0/0"]],
  ipRanges: [Array.from({ length: 1_000 }, (_, i) => hosts(i)), RANGES.map((range) => ({ range })), [{ range: {} }]],
  node_slice_size: ["/0", "/1", "/32", "/128", "/-5", "/999999999"],
  network_name: ["a/../b", "A".repeat(300), "kube-system", "-"],
  addresses: [[{ address: "0.0.0.0/0" }], Array(1_000).fill({ address: "10.252.0.1/24" })],
  routes: [Array(1_000).fill({ dst: "0.0.0.0/0", gw: "::" })],
  requests: ["any"],
  datastore: ["kubernetes", "etcd", "embedded", "constructor"],
  reconciler_cron_expression: ["* * * * * *", "@every 1ns", "0 0 31 2 *"],
  log_level: ["debug", "panic"],
  stores: ["any", "configured"],
  allow_paths: [["/"], [VICTIM]],
};

/** Settings that hold paths. */
const PATH = /_file$|_path$|^database$|^kubeconfig$|^agent_socket$/;

/** Each setting with each value, one at a time; nested settings in their objects. */
export function attempts(traps: Traps): Attempt[] {
  const inner: readonly (readonly [Fields, (value: Record<string, unknown>) => Record<string, unknown>])[] = [
    [IPAM_FIELDS, (value) => value],
    [KUBERNETES_FIELDS, (kubernetes) => ({ kubernetes })],
    [DNS_FIELDS, (dns) => ({ dns })],
    [RANGE_FIELDS, (range) => ({ ipRanges: [{ range: "10.253.0.0/24", ...range }] })],
    [ROUTE_FIELDS, (route) => ({ routes: [{ dst: "10.0.0.0/8", ...route }] })],
    [ADDRESS_FIELDS, (address) => ({ addresses: [{ address: "10.254.0.1/24", ...address }] })],
  ];
  const single = inner.flatMap(([fields, place]) =>
    Object.entries(fields).flatMap(([field, type]) =>
      valuesOf(field, type).map((value) => ({ ipam: place({ [field]: value }) }))
    )
  );
  return [...single, ...combined(traps)];
}

function valuesOf(field: string, type: Fields[string]): readonly unknown[] {
  const special = SPECIAL[field] ?? [];
  switch (type) {
    case "string":
      return [...TEXTS, ...(PATH.test(field) ? PATHS : []), ...special, 5, {}];
    case "integer":
      return [...NUMBERS, ...special, "text"];
    case "boolean":
      return [true, false, ...special, "text"];
    case "strings":
      return [TEXTS, Array(10_001).fill("x"), ...special, "text", [{}]];
    default:
      return [Array(1_001).fill({}), ...special, "text", [[]], null];
  }
}

/** Combinations of settings. */
function combined({ server, socket }: Traps): Attempt[] {
  const embedded = { datastore: "embedded" };
  const etcd = { etcd_host: server };
  return [
    { ipam: { ...embedded, agent_socket: socket } },
    { ipam: { ...embedded, sleep_for_race: Number.MAX_SAFE_INTEGER } },
    { ipam: { allow_paths: ["/"], log_file: `${VICTIM}/new`, log_level: "debug" } },
    { ipam: { ...embedded, allow_paths: ["/"], database: `${VICTIM}/new` } },
    { ipam: { ...embedded, stores: "any", database: `${VICTIM}/database` } },
    { ipam: { ...embedded, configuration_path: "/etc/cni/net.d/other.conf" } },
    { ipam: { datastore: "kubernetes", kubernetes: { k8s_api_root: `http://${server}` } } },
    { ipam: { etcd_host: `https://localhost:1`, etcd_ca_cert_file: `${VICTIM}/secret.json` } },
    { ipam: { etcd_host: `http://[::1]:99999999` } },
    { ipam: etcd, waits: true },
    { ipam: { ...etcd, etcd_username: "root" }, waits: true },
    { ipam: { ...etcd, configuration_path: "/etc/cni/net.d/whereabouts.d/whereabouts.conf" }, waits: true },
    { ipam: { etcd_host: "127.0.0.1:1" }, waits: true },
    { ipam: { etcd_host: Array(1_000).fill("127.0.0.1:1").join(",") }, waits: true },
  ];
}
