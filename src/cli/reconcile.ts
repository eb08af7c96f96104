/**
 * `reconcile`: one sweep, and exit.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { formatIp } from "../address/ip.ts";
import { LEAST_GRACE, sweep, type Swept } from "../ipam/sweep.ts";
import { formatPoolKey } from "../pool/types.ts";
import { table } from "./pool_view.ts";
import { podsSource } from "./pods.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds a sweep may take besides its grace period. */
const SWEEP_TIMEOUT = 300_000;

/** Frees what no pod holds. Returns 0, or 1 where something could not be freed. */
export async function reconcile(terminal: Terminal, args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...STORE_FLAGS,
      pods: { type: "string" },
      grace: { type: "string", default: "30" },
      "dry-run": { type: "boolean", default: false },
    },
  });
  const grace = graceOf(values.grace);
  await using store = await openStore(terminal, values);
  await using pods = await podsSource(terminal, store.datastore, values);
  if (!pods) {
    throw new RangeError(
      `Cannot sweep datastore ${store.datastore.kind} without pods: name a file of living pods with --pods, or a cluster with --kubeconfig`,
    );
  }
  const swept = await sweep(store.ipam, {
    pods,
    grace,
    dryRun: values["dry-run"],
    ...(pods.reserves && { reserves: pods.reserves }),
    signal: AbortSignal.timeout(SWEEP_TIMEOUT + grace),
  });
  const rows = toRows(swept);
  const repaired = swept.reserved.map(({ key, allocation }) => [
    formatIp({ family: key.cidr.family, value: allocation.address }),
    "reservation",
    allocation.podRef,
    "it was missing",
  ]);
  if (values.json) {
    const named = (list: string[][]) => list.map(([address, where, pod, reason]) => ({ address, where, pod, reason }));
    terminal.print(JSON.stringify({ freed: named(rows), repaired: named(repaired) }, undefined, 2));
  } else if (rows.length === 0) terminal.print("Nothing to free");
  else table([values["dry-run"] ? "WOULD FREE" : "FREED", "WHERE", "POD", "WHY"], rows).forEach(terminal.print);
  if (!values.json && repaired.length > 0) {
    table([values["dry-run"] ? "WOULD MAKE" : "MADE", "WHAT", "POD", "WHY"], repaired).forEach(terminal.print);
  }
  for (const failure of swept.failures) {
    terminal.world.stderr(`Could not free: ${failure instanceof Error ? failure.message : failure}`);
  }
  return swept.failures.length > 0 ? 1 : 0;
}

/**
 * Reads a grace period in seconds.
 *
 * @returns milliseconds
 * @throws {RangeError} it is too short or too long
 */
export function graceOf(text: string): number {
  const least = LEAST_GRACE / 1_000;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (seconds >= least && seconds <= 3_600) return seconds * 1_000;
  throw new RangeError(`Cannot wait --grace ${JSON.stringify(text)}: wanted ${least} to 3600 seconds`);
}

function toRows({ orphans, reservations }: Swept): string[][] {
  return [
    ...orphans.map(({ key, allocation, reason }) => [
      formatIp({ family: key.cidr.family, value: allocation.address }),
      `pool ${formatPoolKey(key)}`,
      allocation.podRef,
      reason,
    ]),
    ...reservations.map((
      { reservation, reason },
    ) => [formatIp(reservation.ip), "reservation", reservation.podRef, reason]),
  ];
}
