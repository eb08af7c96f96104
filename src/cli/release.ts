/**
 * `release`: takes one address back by hand.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { formatIp, parseIp } from "../address/ip.ts";
import { releaseAllocations } from "../ipam/release.ts";
import { formatPoolKey } from "../pool/types.ts";
import { LOOK_TIMEOUT } from "./show.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Releases an address in every pool that has it allocated, and its reservation, each only if it is still whose it was when it was shown.
 * Without `--yes` it tells what it would do. Returns 0, 1 where nobody has the address, 2 where `--yes` is missing.
 */
export async function releaseAddress(terminal: Terminal, args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...STORE_FLAGS, yes: { type: "boolean", default: false } },
  });
  const [text = ""] = positionals;
  const ip = parseIp(text);
  if (!ip) throw new RangeError(`Cannot release ${JSON.stringify(text)}: wanted an address such as 10.0.0.5`);
  await using store = await openStore(terminal, values);
  const signal = AbortSignal.timeout(LOOK_TIMEOUT);
  const { ipam } = store;
  const held = (await ipam.driver.list(signal)).flatMap(({ key, allocations }) => {
    const allocation = key.cidr.family === ip.family ? allocations.get(ip.value) : undefined;
    return allocation ? [{ key, allocation }] : [];
  });
  for (const { key, allocation } of held) {
    const what = `${formatIp(ip)} of pool ${formatPoolKey(key)}, held by ${allocation.podRef} (${allocation.ifName})`;
    if (!values.yes) {
      terminal.print(`Would release ${what}; --yes does`);
      continue;
    }
    const allocations = await releaseAllocations(ipam, key, [allocation], signal);
    terminal.print(allocations.length > 0 ? `Released ${what}` : `Kept ${what}: it changed meanwhile`);
  }
  if (held.length === 0) terminal.print(`Nobody has ${formatIp(ip)}`);
  if (held.length === 0) return 1;
  return values.yes ? 0 : 2;
}
