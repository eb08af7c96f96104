/**
 * Calls that one program sends to an agent over its socket, so that no process is started for them.
 *
 * @module
 */
import type { AgentNode } from "../support/agent.ts";
import type { Call } from "../support/binary.ts";
import type { Kube } from "../support/kube.ts";

/** The measurement of calls. */
export interface Timed {
  /** Milliseconds of each call, ascending. */
  readonly times: readonly number[];
  /** Milliseconds of all of them. */
  readonly elapsed: number;
  /** Calls that failed. */
  readonly failed: number;
}

/** Calls for as many pods, on the API server. */
export function callsOf(kube: Kube, count: number, prefix: string, ranges: readonly string[], verb = "ADD"): Call[] {
  const ipam = {
    type: "whereabouts",
    log_level: "error",
    kubernetes: { kubeconfig: kube.kubeconfig },
    ipRanges: ranges.map((range) => ({ range })),
  };
  const conf = { cniVersion: "1.0.0", name: "bench", ipam };
  return Array.from(
    { length: count },
    (_, i) => ({ verb, conf, containerId: `${prefix}${i}`.padStart(64, "0"), pod: `${prefix}-${i}` }),
  );
}

/** Sends calls to an agent, `width` at the same time. Prints the first failure. */
export async function put(node: AgentNode, all: readonly Call[], width: number): Promise<Timed> {
  const times: number[] = [];
  let next = 0;
  let failed = 0;
  const start = performance.now();
  const worker = async () => {
    for (let call = all[next++]; call; call = all[next++]) {
      const begun = performance.now();
      const { code, stdout } = await node.ask(call).catch((error) => ({ code: 1, stdout: String(error) }));
      times.push(performance.now() - begun);
      // deno-lint-ignore no-console -- a bench prints what failed
      if (code !== 0 && failed++ === 0) console.error(stdout);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return { times: times.sort((a, b) => a - b), elapsed: performance.now() - start, failed };
}
