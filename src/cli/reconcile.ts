/**
 * `reconcile`: one sweep, and exit.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { formatIp } from "../address/ip.ts";
import { sweep, type Swept } from "../ipam/sweep.ts";
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
  const seconds = Number(values.grace);
  if (!(seconds >= 0 && seconds <= 3600)) {
    throw new RangeError(`Cannot wait --grace ${JSON.stringify(values.grace)}: wanted 0 to 3600 seconds`);
  }
  await using store = await openStore(terminal, values);
  await using cluster = await podsSource(terminal, store.datastore, values.pods);
  if (!cluster) {
    throw new RangeError(
      `Cannot sweep datastore ${store.datastore.kind} without pods: name a file of living pods with --pods`,
    );
  }
  const swept = await sweep(store.ipam, {
    pods: (signal) => cluster.pods(signal),
    grace: seconds * 1000,
    dryRun: values["dry-run"],
    signal: AbortSignal.timeout(SWEEP_TIMEOUT + seconds * 1000),
  });
  const rows = toRows(swept);
  if (values.json) {
    terminal.print(
      JSON.stringify(
        { freed: rows.map(([address, where, pod, reason]) => ({ address, where, pod, reason })) },
        undefined,
        2,
      ),
    );
  } else if (rows.length === 0) terminal.print("Nothing to free");
  else table([values["dry-run"] ? "WOULD FREE" : "FREED", "WHERE", "POD", "WHY"], rows).forEach(terminal.print);
  for (const failure of swept.failures) {
    terminal.world.stderr(`Could not free: ${failure instanceof Error ? failure.message : failure}`);
  }
  return swept.failures.length > 0 ? 1 : 0;
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
