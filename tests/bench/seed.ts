/**
 * Pools with existing allocations, and reservations of other pools.
 *
 * @module
 */
import { openKubernetes } from "../../drivers/kubernetes/driver.ts";
import { parseCidr } from "../../src/address/cidr.ts";
import { mapConcurrently } from "../../src/async/concurrency.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { SILENT } from "../../src/world/log.ts";
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

/** Reserves the `count` lowest addresses of a range for pods of another pool. */
export async function seedReservations(kube: Kube, range: string, count: number): Promise<void> {
  const parsed = parseCidr(range);
  if (!parsed) throw new RangeError(`Invalid range ${range}: expected a CIDR`);
  const { family, base } = parsed.cidr;
  const datastore = { kind: "kubernetes", kubeconfig: kube.kubeconfig } as const;
  await using driver = await openKubernetes(datastore, { world: denoWorld(), log: SILENT });
  await mapConcurrently(Array.from({ length: count }, (_, i) => i + 1), 20, async (i) => {
    const ip = { family, value: base + BigInt(i) };
    const owner = { podRef: `default/seed-${i}`, ifName: "net1", containerId: i.toString(16).padStart(64, "0") };
    await driver.reservations?.create({ ...owner, network: "", ip }, new AbortController().signal);
  });
}
