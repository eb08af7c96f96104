/**
 * Pools with existing allocations, and reservations of other pools.
 *
 * @module
 */
import { openKubernetes } from "../../drivers/kubernetes/driver.ts";
import { type Cidr, parseCidr } from "../../src/address/cidr.ts";
import { mapConcurrently } from "../../src/async/concurrency.ts";
import type { Owner } from "../../src/pool/types.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
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

/** Addresses of a block of /24 that are allocated: all but `.0`. */
const PER_BLOCK = 255;

/** Fills the lowest `count` addresses of a range with `block_size: /24`, whose grid an earlier ADD has recorded, block by block. */
export async function seedBlocks(kube: Kube, range: string, count: number): Promise<void> {
  const { family, base } = cidrOf(range);
  await using driver = await open(kube);
  const { signal } = new AbortController();
  const blocks = Array.from({ length: Math.ceil(count / PER_BLOCK) }, (_, i) => i);
  await mapConcurrently(blocks, 4, async (i) => {
    const first = base + BigInt(i * 256);
    const snapshot = await driver.read({ network: "", cidr: { family, base: first, prefix: 24 } }, signal);
    const changes = Array.from({ length: Math.min(PER_BLOCK, count - i * PER_BLOCK) }, (_, j) => {
      const address = first + BigInt(j + 1);
      return { address, after: { address, ...ownerOf(i * PER_BLOCK + j) } };
    }).filter(({ address }) => !snapshot.allocations.has(address));
    // in two writes, as a block that fills: an object in one write would record an owner of each of its fields
    const begun = await driver.commit({ ...snapshot, block: true }, changes.slice(0, 1), signal);
    await driver.commit({ ...begun, block: true }, changes.slice(1), signal);
  });
}

/** Reserves the `count` lowest addresses of a range for pods of another pool. */
export async function seedReservations(kube: Kube, range: string, count: number): Promise<void> {
  const { family, base } = cidrOf(range);
  await using driver = await open(kube);
  await mapConcurrently(Array.from({ length: count }, (_, i) => i + 1), 20, async (i) => {
    const ip = { family, value: base + BigInt(i) };
    await driver.reservations?.create({ ...ownerOf(i), network: "", ip }, new AbortController().signal);
  });
}

function open(kube: Kube): Promise<StorageDriver> {
  return openKubernetes({ kind: "kubernetes", kubeconfig: kube.kubeconfig }, { world: denoWorld(), log: SILENT });
}

function cidrOf(range: string): Cidr {
  const parsed = parseCidr(range);
  if (!parsed) throw new RangeError(`Invalid range ${range}: expected a CIDR`);
  return parsed.cidr;
}

/** The pod with a number, with an id of 64 characters as in real clusters. */
function ownerOf(i: number): Owner {
  return { podRef: `default/seed-${i}`, ifName: "net1", containerId: i.toString(16).padStart(64, "0") };
}
