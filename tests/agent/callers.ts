/**
 * Callers of an agent, without sockets.
 *
 * @module
 */
import { type AgentRequest, PROTOCOL } from "../../src/agent/protocol.ts";
import type { Connection } from "../../src/world/platform.ts";
import { never } from "../ipam/lab.ts";

const IPAM = { type: "whereabouts", datastore: "embedded", database: "/db", log_level: "panic", range: "10.0.0.0/29" };

/** The request of a plugin for a pod in a network with the range 10.0.0.0/29. */
export function requestOf(verb: string, pod: string, ipam: Record<string, unknown> = {}): AgentRequest {
  const env = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: `c-${pod}`,
    CNI_IFNAME: "net1",
    CNI_NETNS: "/run/netns/x",
    CNI_PATH: "/opt/cni/bin",
    CNI_ARGS: `K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod}`,
  };
  const conf = { cniVersion: "1.1.0", name: "net", ipam: { ...IPAM, ...ipam } };
  return { protocol: PROTOCOL, env, stdin: JSON.stringify(conf) };
}

/** A listener that sends the same answer to every request. */
export function answering(more: Record<string, unknown> = {}): () => Promise<string> {
  return () => Promise.resolve(JSON.stringify({ protocol: PROTOCOL, stdout: "{}", exitCode: 0, ...more }));
}

/** A caller that sends a request. `answered`: the answer; undefined if the agent closed without one. */
export function caller(
  sent: Promise<string>,
  gone = never(),
): { readonly connection: Connection; readonly answered: Promise<string | undefined> } {
  const { promise: answered, resolve } = Promise.withResolvers<string | undefined>();
  const close = () => resolve(undefined);
  const reply = (text: string) => Promise.resolve(resolve(text));
  return { connection: { readLine: () => sent, gone, reply, close }, answered };
}
