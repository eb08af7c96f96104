/**
 * `who-has`: shows the owner of an address.
 *
 * @module
 */
import { formatIp, parseIp, sameIp } from "../address/ip.ts";
import { formatPoolKey } from "../pool/types.ts";
import { type Command, defineCommand, UsageError } from "./define.ts";
import { describeEmpty } from "./empty.ts";
import { keeperText } from "./pool_view.ts";
import { READ_TIMEOUT } from "./show.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import { table } from "./table.ts";

/** Shows the owners of an address in pools and reservations. */
export const whoHas: Command = defineCommand({
  operands: "ADDRESS",
  about: ["Show the owners of ADDRESS in all pools and reservations."],
  flags: STORE_FLAGS,
  exits: { 0: "The address is in use", 1: "The address is not in use, or the command failed" },
}, async (terminal, values, [text = "", ...more]) => {
  const ip = parseIp(text);
  if (!ip || more.length > 0) {
    const given = JSON.stringify([text, ...more].join(" "));
    throw new UsageError(`Invalid address ${given}: expected one address such as 10.0.0.5`);
  }
  await using store = await openStore(terminal, values);
  const signal = AbortSignal.timeout(READ_TIMEOUT);
  const { driver } = store.ipam;
  const pools = await driver.list(signal);
  const entries = pools.flatMap(({ key, allocations }) => {
    const entry = key.cidr.family === ip.family ? allocations.get(ip.value) : undefined;
    return entry ? [{ where: `pool ${formatPoolKey(key)}`, ...entry, address: formatIp(ip) }] : [];
  });
  const reservations = (await driver.reservations?.list(undefined, signal) ?? []).filter((one) => sameIp(one.ip, ip))
    .map(({ network, podRef, ifName, containerId, keeper }) => ({
      where: `reservation${network && ` of ${network}`}`,
      podRef,
      ifName,
      containerId,
      ...(keeper && { keeper }),
      address: formatIp(ip),
    }));
  const found = [...entries, ...reservations];
  if (found.length === 0 && pools.length === 0) terminal.world.stderr((await describeEmpty(store, signal)).message);
  if (values.json) terminal.print(JSON.stringify(found, undefined, 2));
  else if (found.length === 0) {
    terminal.print(`Found no allocation or reservation of ${formatIp(ip)} in ${store.where}`);
  } else {
    const rows = found.map((
      one,
    ) => [one.where, one.podRef || "-", one.ifName || "-", one.containerId.slice(0, 13) || "-", keeperText(one)]);
    const kept = found.some(({ keeper }) => keeper);
    table(["WHERE", "POD", "INTERFACE", "CONTAINER", ...(kept ? ["KEPT BY"] : [])], rows, terminal.style).forEach(
      terminal.print,
    );
  }
  return found.length > 0 ? 0 : 1;
});
