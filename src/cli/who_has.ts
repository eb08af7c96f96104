/**
 * `who-has`: the owner of an address.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { formatIp, parseIp, sameIp } from "../address/ip.ts";
import { formatPoolKey } from "../pool/types.ts";
import { table } from "./pool_view.ts";
import { LOOK_TIMEOUT } from "./show.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import type { Terminal } from "./terminal.ts";

/** Shows who has an address, in pools and reservations. Returns 0 where somebody has it, 1 where nobody does. */
export async function whoHas(terminal: Terminal, args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: STORE_FLAGS });
  const [text = ""] = positionals;
  const ip = parseIp(text);
  if (!ip) throw new RangeError(`Cannot look for ${JSON.stringify(text)}: wanted an address such as 10.0.0.5`);
  await using store = await openStore(terminal, values);
  const signal = AbortSignal.timeout(LOOK_TIMEOUT);
  const { driver } = store.ipam;
  const holders = (await driver.list(signal)).flatMap(({ key, allocations }) => {
    const held = key.cidr.family === ip.family ? allocations.get(ip.value) : undefined;
    return held ? [{ where: `pool ${formatPoolKey(key)}`, ...held, address: formatIp(ip) }] : [];
  });
  const reservations = (await driver.overlaps?.list(undefined, signal) ?? []).filter((one) => sameIp(one.ip, ip))
    .map(({ network, podRef, ifName, containerId }) => ({
      where: `reservation${network && ` of ${network}`}`,
      podRef,
      ifName,
      containerId,
      address: formatIp(ip),
    }));
  const found = [...holders, ...reservations];
  if (values.json) terminal.print(JSON.stringify(found, undefined, 2));
  else if (found.length === 0) terminal.print(`Nobody has ${formatIp(ip)}`);
  else {
    const rows = found.map((
      { where, podRef, ifName, containerId },
    ) => [where, podRef, ifName, containerId.slice(0, 13)]);
    table(["WHERE", "POD", "INTERFACE", "CONTAINER"], rows).forEach(terminal.print);
  }
  return found.length > 0 ? 0 : 1;
}
