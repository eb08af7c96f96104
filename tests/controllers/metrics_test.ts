import assert from "node:assert/strict";
import { ControllerMetrics } from "../../src/controllers/metrics.ts";
import { duplicateFinding } from "../../src/pool/duplicates.ts";
import { cidr, network } from "./lab.ts";

const key = { network: "", node: "n1", cidr: cidr("10.0.0.0/24") };
const allocation = { address: key.cidr.base + 1n, podRef: "default/db", ifName: "net1", containerId: "c" };

Deno.test("ControllerMetrics renders the text format of Prometheus under the documented names", async () => {
  const { config } = await network("fast", { range: "10.0.0.0/24" });
  const fast = { config, attachment: { namespace: "storage", name: "fast-net", uid: "u", config: "" } };
  const metrics = new ControllerMetrics({
    leading: () => true,
    pods: () => 12,
    pools: () => [{ key: { network: "blue", cidr: cidr("10.0.0.0/24") }, allocations: 4, capacity: 254n, free: 250n }],
    slices: () => [{ name: "net", assigned: 2, free: 1, missing: 0 }],
    kept: () => [{ keeper: "IPAMClaim", state: "stopped", count: 3 }],
    users: () => [[{ network: "blue", cidr: cidr("10.0.0.0/24") }, fast]],
    nameOf: ({ network, cidr: { prefix } }) => `${network}-${prefix}`,
    lastSweep: () => 5_000,
    sweepDue: () => 6_000,
    unconfirmed:
      () => [{ key, allocation, why: "its node is unknown" }, { key, allocation, why: "the node is not ready" }],
    findings: () => [duplicateFinding({ network: "", address: "10.0.0.1", podRef: "default/web", holder: allocation })],
  });
  metrics.freed.add({ what: "entry", reason: "pod is gone" });
  const text = metrics.text();
  for (const line of text.trimEnd().split("\n")) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [\d.e+-]+)$/);
  for (
    const line of [
      'whereabouts_ippool_allocations{pool="blue-24",network_name="blue",range="10.0.0.0/24"} 4',
      'whereabouts_ippool_capacity{pool="blue-24",network_name="blue",range="10.0.0.0/24"} 254',
      'whereabouts_ippool_free{pool="blue-24",network_name="blue",range="10.0.0.0/24"} 250',
      'whereabouts_network_pool_info{pool="blue-24",network="fast",namespace="storage",definition="fast-net"} 1',
      'whereabouts_node_slices{node_slice_pool="net",state="assigned"} 2',
      'whereabouts_unconfirmed_allocations{pool="-24",node="n1",range="10.0.0.0/24"} 2',
      'whereabouts_kept_allocations{keeper="IPAMClaim",state="stopped"} 3',
      'whereabouts_findings{kind="pod-address-of-another",severity="conflict"} 1',
      'whereabouts_findings{kind="unusable-network",severity="unusable"} 0',
      "whereabouts_sweep_last_success_timestamp_seconds 5",
      "whereabouts_sweep_due_timestamp_seconds 6",
      "whereabouts_controller_leading 1",
    ]
  ) assert(text.includes(`${line}\n`), line);
});
