/**
 * `who-has`: shows the owners of addresses.
 *
 * @module
 */
import { compareIp, formatIp, type Ip } from "../address/ip.ts";
import { addressOf, formatPoolKey, type Owner } from "../pool/types.ts";
import { type Command, defineCommand, UsageError, type Values } from "./define.ts";
import { notFound } from "./names.ts";
import { type Column, FILTER_FLAGS, formatOf, isText, isWhole, LIST_FLAGS, type Listing, printList } from "./output.ts";
import { movesOf } from "./pool_rows.ts";
import { ownerColumns } from "./pool_view.ts";
import { openReading, READ_FLAGS, type Reading } from "./reading.ts";
import { isAddress, type PoolsRead, readPools } from "./read_pools.ts";
import type { Terminal } from "./terminal.ts";
import { WATCH_FLAG, watching } from "./watch.ts";

/** A record of an address. */
interface Found extends Owner {
  readonly ip: Ip;
  readonly subject: "entry" | "reservation";
  /** The pool of an entry; empty for a reservation. */
  readonly pool: string;
  readonly network: string;
  readonly namespace?: string;
}

const FLAGS = { ...WATCH_FLAG, ...LIST_FLAGS, ...FILTER_FLAGS, ...READ_FLAGS } as const;

/** Shows the owners of addresses in pools and reservations. */
export const whoHas: Command = defineCommand({
  operands: "NAME...",
  completes: "names",
  about: [
    "Show the owners of addresses in all pools and reservations. A NAME is an address, a CIDR, a pod, a node, or the name of a pool, its " +
    "object, a network_name or a network definition. Where a name has several meanings, write pool:NAME, network:NAME, definition:NAME, " +
    "node:NAME or pod:NAME. A pool whose entries move to other pools, or have moved there, is named on standard error.",
  ],
  flags: FLAGS,
  exits: { 0: "Each name has addresses in use", 1: "A name has no addresses in use, or the command failed" },
}, async (terminal, values, names) => {
  if (names.length === 0) {
    throw new UsageError("Nothing to find: expected an address such as 10.0.0.5, a pod or a pool");
  }
  const format = formatOf(values);
  await using reading = await openReading(terminal, values);
  return await watching(terminal, values, isWhole(format), (shown) => findOnce(shown, values, names, reading));
});

async function findOnce(
  terminal: Terminal,
  values: Values<typeof FLAGS>,
  names: readonly string[],
  reading: Reading,
): Promise<number> {
  const isTable = isText(formatOf(values));
  const choice = { ...values, names, withReservations: true, "min-fill": undefined };
  const read = await readPools(terminal, reading, choice, false);
  const { rows, named, where, empty, namespaced } = read;
  const found = recordsOf(read);
  if (empty) terminal.world.stderr(empty.message);
  if (!isTable || found.length > 0) await printList(terminal, values, listingOf(found, namespaced), found);
  if (isTable && found.length > 0 && !values["no-headers"]) {
    terminal.print("");
    terminal.print(terminal.style.faint(`In ${where}`));
  }
  for (const { name, exists, used } of named) {
    if (used) continue;
    if (!exists && !isAddress(name)) terminal.world.stderr(notFound(name, where));
    else if (isTable) terminal.print(`Found no allocation or reservation of ${name} in ${where}`);
  }
  for (const move of movesOf(rows)) terminal.world.stderr(`Pool ${move}`);
  return named.every(({ used }) => used) ? 0 : 1;
}

/** The selected allocations and reservations, by address. */
function recordsOf({ rows, reservations, selects }: PoolsRead): Found[] {
  const entries = rows.flatMap(({ pool: { key }, namespace, shown }) =>
    shown.map((allocation): Found => ({
      ...allocation,
      ip: addressOf({ key, allocation }),
      subject: "entry",
      pool: formatPoolKey(key),
      network: key.network,
      ...(namespace !== undefined && { namespace }),
    }))
  );
  const reserved = reservations.filter(selects).map((one): Found => ({ ...one, subject: "reservation", pool: "" }));
  return [...entries, ...reserved].sort((a, b) => compareIp(a.ip, b.ip));
}

function listingOf(found: readonly Found[], namespaced: boolean): Listing<Found> {
  const namespace: Column<Found> = { heading: "NAMESPACE", value: ({ namespace = "-" }) => namespace };
  return {
    columns: [
      ...(namespaced ? [namespace] : []),
      { heading: "ADDRESS", value: ({ ip: { family, value } }) => BigInt(family) << 128n | value, cell: textOf },
      { heading: "WHERE", value: whereOf },
      ...ownerColumns(found),
    ],
    nameOf: textOf,
    toJson: (one) => {
      const { subject, pool, network, namespace, podRef, ifName, containerId, node, keeper } = one;
      return {
        address: textOf(one),
        where: whereOf(one),
        subject,
        pool,
        network,
        ...(namespace !== undefined && { namespace }),
        podRef,
        ifName,
        containerId,
        ...(node !== undefined && { node }),
        ...(keeper && { keeper }),
      };
    },
  };
}

function textOf({ ip }: Found): string {
  return formatIp(ip);
}

function whereOf({ subject, pool, network }: Found): string {
  return subject === "entry" ? `pool ${pool}` : `reservation${network && ` of ${network}`}`;
}
