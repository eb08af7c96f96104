/**
 * The cluster's network: one namespace for the control plane with two bridges, one for each node. The machine's own is not touched.
 *
 * @module
 */
import { must, run } from "../tests/support/process.ts";

/** Port of the API server, in the control plane's namespace. */
export const API_PORT = 26_443;
/** Where pods find the API server. */
export const SERVICE_IP = "10.96.0.1";

/** Names of the namespaces of one cluster. */
export interface Names {
  /** The control plane's. */
  readonly plane: string;
  /** A node's, by its number. */
  node(number: number): string;
}

/** Names that no other cluster on the machine has. */
export function namesOf(prefix: string): Names {
  return { plane: `${prefix}-cp`, node: (number) => `${prefix}-node${number}` };
}

/** A command inside a network namespace. */
export function inside(namespace: string, command: readonly string[]): readonly string[] {
  return ["nsenter", `--net=/run/netns/${namespace}`, ...command];
}

/** Pods reach the service address of the API server without kube-proxy. */
const REDIRECT = `table ip cluster {
  chain pre { type nat hook prerouting priority -100
    ip daddr ${SERVICE_IP} tcp dport 443 redirect to :${API_PORT}
  }
  chain out { type nat hook output priority -100
    ip daddr ${SERVICE_IP} tcp dport 443 redirect to :${API_PORT}
  }
}
`;

/** Makes the namespaces and what connects them. `eth1` of all nodes is one segment without addresses: the secondary network. */
export async function makeNetwork(names: Names, nodes: readonly number[]): Promise<void> {
  const { plane } = names;
  const ip = (namespace: string, line: string) => must(["ip", "-n", namespace, ...line.split(" ")]);
  const forward = ["sysctl", "-qw", "net.ipv4.ip_forward=1"];
  await must(["ip", "netns", "add", plane]);
  await ip(plane, "link set lo up");
  await ip(plane, `addr add ${SERVICE_IP}/32 dev lo`);
  for (const bridge of ["kbr0", "kbr1"]) {
    await ip(plane, `link add ${bridge} type bridge`);
    await ip(plane, `link set ${bridge} up`);
  }
  await ip(plane, "addr add 10.200.0.1/24 dev kbr0");
  await must(inside(plane, forward));
  await must(inside(plane, ["nft", "-f", "-"]), { stdin: REDIRECT });
  for (const number of nodes) {
    const node = names.node(number);
    await must(["ip", "netns", "add", node]);
    for (const [link, bridge] of [[0, "kbr0"], [1, "kbr1"]] as const) {
      await ip(plane, `link add n${number}e${link} type veth peer name eth${link} netns ${node}`);
      await ip(plane, `link set n${number}e${link} master ${bridge} up`);
    }
    await ip(node, "link set lo up");
    await ip(node, `addr add 10.200.0.1${number}/24 dev eth0`);
    for (const link of ["eth0", "eth1"]) await ip(node, `link set ${link} up`);
    await ip(node, "route add default via 10.200.0.1");
    await ip(plane, `route add 10.244.${number}.0/24 via 10.200.0.1${number}`);
    await must(inside(node, forward));
  }
}

/** Removes the namespaces, and with them every link. */
export async function removeNetwork(names: Names, nodes: readonly number[]): Promise<void> {
  for (const name of [...nodes.map((number) => names.node(number)), names.plane]) {
    await run(["ip", "netns", "delete", name]);
  }
}
