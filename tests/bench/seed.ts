/**
 * Pools with existing allocations.
 *
 * @module
 */
import type { Kube } from "../support/kube.ts";

/** Creates an IPPool with `count` allocations from the lowest address on, with ids of 64 characters as in real clusters. */
export async function seedPool(kube: Kube, range: string, count: number): Promise<void> {
  const entries = Array.from({ length: count }, (_, i) => [
    String(i + 1),
    { id: i.toString(16).padStart(64, "0"), podref: `default/seed-${i}`, ifname: "net1" },
  ]);
  const pool = {
    apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
    kind: "IPPool",
    metadata: { name: range.replace("/", "-"), namespace: kube.namespace },
    spec: { range, allocations: Object.fromEntries(entries) },
  };
  const file = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(file, JSON.stringify(pool));
  await kube.kubectl("create", "-f", file);
  await Deno.remove(file);
}
