/**
 * Helpers of this driver's live tests.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openKubernetes } from "../../../drivers/kubernetes/driver.ts";
import { parseCidr } from "../../../src/address/cidr.ts";
import { type Ip, parseIp } from "../../../src/address/ip.ts";
import type { Allocation, PoolKey } from "../../../src/pool/types.ts";
import type { Reservation, Reservations, StorageDriver } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { type Logger, SILENT } from "../../../src/world/log.ts";
import { type Kube, kubeconfigOf } from "../../support/kube.ts";
import { eventually } from "../../support/process.ts";

/** A signal that never aborts. */
export const NEVER: AbortSignal = new AbortController().signal;

/** Opens the driver with a kubeconfig. */
export function openWith(kubeconfig: string, log: Logger = SILENT): Promise<StorageDriver> {
  return openKubernetes({ kind: "kubernetes", kubeconfig }, { world: denoWorld(), log });
}

/** Opens the driver of a control plane as another user, or with another cluster entry. */
export async function openAs(
  kube: Pick<Kube, "url" | "folder" | "namespace">,
  user: Record<string, string>,
  cluster: Record<string, unknown> = {},
): Promise<StorageDriver> {
  const path = await writeKubeconfig(kube, user, cluster);
  return await openWith(path);
}

/** Writes a kubeconfig into the control plane's folder. Returns its path. */
export async function writeKubeconfig(
  kube: Pick<Kube, "url" | "folder" | "namespace">,
  user: Record<string, string>,
  cluster: Record<string, unknown> = {},
): Promise<string> {
  const path = `${kube.folder}/${crypto.randomUUID()}.kubeconfig`;
  const config = kubeconfigOf(kube, user, kube.namespace);
  const clusters = [{
    name: "local",
    cluster: { server: kube.url, "certificate-authority": `${kube.folder}/ca.crt`, ...cluster },
  }];
  await Deno.writeTextFile(path, JSON.stringify({ ...config, clusters }));
  return path;
}

/** An object's JSON, as kubectl shows it. */
export async function stored(kube: Kube, resource: string, name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await kube.kubectl("get", resource, name, "--show-managed-fields", "-o", "json"));
}

/** Creates an object with kubectl. */
export async function put(kube: Kube, kind: string, name: string, spec: unknown): Promise<void> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const object = { apiVersion: "whereabouts.cni.cncf.io/v1alpha1", kind, metadata: { name }, spec };
    await Deno.writeTextFile(file, JSON.stringify(object));
    await kube.kubectl("create", "-f", file);
  } finally {
    await Deno.remove(file);
  }
}

/** Asserts the requests since the given ones, once as many as expected have arrived. */
export async function assertRequests(
  kube: Kube,
  before: readonly string[],
  expected: readonly string[],
): Promise<void> {
  let since: string[] = [];
  await eventually("the audit log", async () => {
    since = (await kube.requests()).slice(before.length);
    return since.length >= expected.length;
  }).catch(() => {});
  assert.deepEqual(since, expected);
}

/** The reservations of a driver. */
export function reservationsOf(driver: StorageDriver): Reservations {
  assert(driver.reservations);
  return driver.reservations;
}

/** A pool's key. */
export function keyOf(range: string, network = ""): PoolKey {
  const parsed = parseCidr(range);
  assert(parsed, range);
  return { network, cidr: parsed.cidr };
}

/** An address. */
export function ipOf(text: string): Ip {
  const parsed = parseIp(text);
  assert(parsed, text);
  return parsed;
}

/** An allocation of a pool. */
export function allocationOf(key: PoolKey, offset: bigint, owner: Partial<Allocation> = {}): Allocation {
  return { address: key.cidr.base + offset, podRef: "default/web-0", ifName: "net1", containerId: "9f1c", ...owner };
}

/** A reservation. */
export function reserved(address: string, owner: Partial<Reservation> = {}): Reservation {
  return { network: "", ip: ipOf(address), podRef: "default/web-0", ifName: "net1", containerId: "9f1c", ...owner };
}
