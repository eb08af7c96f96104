/**
 * What the benches of the plugin's processes share: other plugins, calls, and the traffic of a call.
 *
 * @module
 */
import type { Call } from "../support/binary.ts";
import { type Kube, kubeconfigOf } from "../support/kube.ts";
import { isThere } from "../support/process.ts";
import { Relay } from "../support/relay.ts";
import { measure } from "./measure.ts";
import type { Plugin } from "./newest.ts";

/** The flat file that the original requires. */
const FLAT_FILE = "/etc/cni/net.d/whereabouts.d/whereabouts.conf";

/** One of the contenders of a scenario. */
export interface Contest {
  /** For the table. */
  readonly scenario: string;
  /** The plugin. */
  readonly plugin: Plugin;
  /** The IPAM configuration, without its type. */
  readonly ipam: Readonly<Record<string, unknown>>;
  /** Further variables of its calls. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What one call sends and receives. */
export interface Traffic {
  /** Requests to the API server. */
  readonly requests: number;
  /** Bytes on its connections, both ways, TLS included. */
  readonly bytes: number;
}

/** Reads the values of `--peer NAME=PATH`. */
export function peersOf(peers: readonly string[]): Plugin[] {
  return peers.map((peer) => {
    const [name = "", path = ""] = peer.split("=");
    return { name, path };
  });
}

/** Writes the flat file without which peers refuse to start, unless the machine has one. */
export async function flatFile(): Promise<AsyncDisposable | undefined> {
  if (await isThere(FLAT_FILE)) return undefined;
  await Deno.mkdir(FLAT_FILE.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeTextFile(FLAT_FILE, "{}");
  return { [Symbol.asyncDispose]: () => Deno.remove(FLAT_FILE) };
}

/** ADDs of different pods. */
export function adds(count: number, ipam: Readonly<Record<string, unknown>>, prefix: string): Call[] {
  const conf = { cniVersion: "1.0.0", name: "bench", ipam: { type: "whereabouts", log_level: "error", ...ipam } };
  return Array.from(
    { length: count },
    (_, i) => ({ verb: "ADD", conf, containerId: `${prefix}${i}`, pod: `${prefix}-${i}` }),
  );
}

/** Requests and bytes of an ADD, apart from timed calls: those of an agent without its handshake, which the first call makes. */
export async function trafficOf(kube: Kube, { plugin, ipam, env }: Contest): Promise<Traffic> {
  const count = 5;
  await using relay = new Relay(kube.url);
  const relayed = `${kube.kubeconfig}.relay-${new URL(relay.url).port}`;
  const config = kubeconfigOf({ ...kube, url: relay.url }, { token: kube.token }, kube.namespace);
  await Deno.writeTextFile(relayed, JSON.stringify(config));
  const through = { ...ipam, kubernetes: { kubeconfig: relayed } };
  await measure(plugin.path, adds(1, through, "first"), 1, env);
  const [requests, bytes] = [await kube.auditCount(), relay.bytes];
  await measure(plugin.path, adds(count, through, "r"), 1, env);
  return { requests: (await kube.auditCount() - requests) / count, bytes: (relay.bytes - bytes) / count };
}
