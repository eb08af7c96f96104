/**
 * `check`: whether a store is consistent.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { findInconsistencies, type Finding } from "../pool/findings.ts";
import { table } from "./pool_view.ts";
import { podsSource } from "./pods.ts";
import { LOOK_TIMEOUT } from "./show.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import type { Terminal } from "./terminal.ts";

/** Compares pools, reservations and, where a cluster can be asked, pods. Returns 0 where all fits, 3 where something does not. */
export async function check(terminal: Terminal, args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { ...STORE_FLAGS, pods: { type: "string" } } });
  await using store = await openStore(terminal, values);
  await using pods = await podsSource(terminal, store.datastore, values);
  const signal = AbortSignal.timeout(LOOK_TIMEOUT);
  const { driver } = store.ipam;
  const pools = await driver.list(signal);
  const reservations = await driver.overlaps?.list(undefined, signal) ?? [];
  const findings = findInconsistencies({
    pools,
    reservations,
    pods: await pods?.list(signal),
    reserves: pods?.reserves,
  });
  const count = pools.reduce((sum, { allocations }) => sum + allocations.size, 0);
  if (values.json) terminal.print(JSON.stringify({ pools: pools.length, allocations: count, findings }, undefined, 2));
  else {report(
      terminal,
      findings,
      `${pools.length} pools, ${count} allocations${pods ? "" : "; pods were not looked at"}`,
    );}
  return findings.length > 0 ? 3 : 0;
}

function report({ print, style }: Terminal, findings: readonly Finding[], looked: string): void {
  if (findings.length === 0) {
    print(style.good(`Consistent: ${looked}`));
    return;
  }
  const rows = findings.map(({ kind, address, pool, message }) => [kind, address, pool, message]);
  table(["FINDING", "ADDRESS", "POOL", "WHAT"], rows).forEach(print);
  print(style.bad(`\n${findings.length} findings in ${looked}`));
}
