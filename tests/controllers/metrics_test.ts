import assert from "node:assert/strict";
import { ControllerMetrics } from "../../src/controllers/metrics.ts";
import { duplicateFinding } from "../../src/pool/duplicates.ts";
import { VERSION } from "../../src/version.ts";
import { cidr } from "./lab.ts";

const key = { network: "", cidr: cidr("10.0.0.0/24") };
const allocation = { address: key.cidr.base + 1n, podRef: "default/db", ifName: "net1", containerId: "c" };

Deno.test("ControllerMetrics renders the text format of Prometheus under the documented names", () => {
  const metrics = new ControllerMetrics({
    leading: () => true,
    pods: () => 12,
    pools: () => [{ key: { network: "blue", cidr: cidr("10.0.0.0/24") }, allocations: 4, capacity: 254n, free: 250n }],
    slices: () => [{ name: "net", assigned: 2, free: 1, missing: 0 }],
    kept: () => [{ keeper: "IPAMClaim", state: "stopped", count: 3 }],
    lastSweep: () => 5_000,
    unconfirmed:
      () => [{ key, allocation, why: "its node is unknown" }, { key, allocation, why: "the node is not ready" }],
    findings: () => [duplicateFinding({ network: "", address: "10.0.0.1", podRef: "default/web", holder: allocation })],
  });
  metrics.freed.add({ what: "entry", reason: "pod is gone" });
  const text = metrics.text();
  for (const line of text.trimEnd().split("\n")) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [\d.e+-]+)$/);
  for (
    const line of [
      `whereabouts_build_info{version="${VERSION}",revision="unknown"} 1`,
      'whereabouts_ippool_allocations{pool="blue/10.0.0.0/24"} 4',
      'whereabouts_ippool_capacity{pool="blue/10.0.0.0/24"} 254',
      'whereabouts_ippool_free{pool="blue/10.0.0.0/24"} 250',
      'whereabouts_node_slices{pool="net",state="assigned"} 2',
      'whereabouts_unconfirmed_allocations{pool="10.0.0.0/24"} 2',
      'whereabouts_kept_allocations{keeper="IPAMClaim",state="stopped"} 3',
      'whereabouts_findings{kind="pod-address-of-another"} 1',
      'whereabouts_findings{kind="unusable-network"} 0',
      "whereabouts_sweep_last_success_seconds 5",
      "whereabouts_controller_leading 1",
    ]
  ) assert(text.includes(`${line}\n`), line);
});
