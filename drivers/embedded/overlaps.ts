/**
 * Networks of one domain whose ranges overlap, of which some make no reservations (`enable_overlapping_ranges: false`).
 *
 * The file has every entry and every reservation, so each transaction finds what the others wrote: a pool must reserve as soon as an overlapping
 * pool has an entry of a call that reserves; and before an address is reserved whose entry has no reservation, all such entries get one. Rows
 * of earlier releases do not record whether their call reserved.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { type Cidr, formatCidr, overlap, parseCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import { type Allocation, type Owner, ownsReservation, type PoolKey } from "../../src/pool/types.ts";
import type { Reservation } from "../../src/storage/driver.ts";
import { OWNER_COLUMNS, toOwner } from "./owner.ts";

const UNRESERVED = "pool IN (SELECT id FROM pools WHERE network = ?) AND unreserved IS NOT 0";

/** Whether a pool that overlaps this one has an entry of a call that reserves. */
export function mustReserve(database: DatabaseSync, { network, node = "", cidr }: PoolKey): boolean {
  const pools = database.prepare("SELECT id, node, range FROM pools WHERE network = ?").all(network);
  const others = pools.filter((row) => {
    const other = parseCidr(String(row.range))?.cidr;
    const isOther = row.node !== node || row.range !== formatCidr(cidr);
    return isOther && other !== undefined && overlap(other, cidr);
  });
  const reserving = database.prepare("SELECT 1 FROM allocations WHERE pool = ? AND unreserved IS NOT 1 LIMIT 1");
  return others.some(({ id }) => reserving.get(Number(id)) !== undefined);
}

/**
 * The ids of all pools that {@linkcode mustReserve} marks. A network's pools are visited in the order of their addresses, each after those that
 * contain it: comparing each with all others takes a minute with 4,000 pools.
 */
export function poolsThatMustReserve(database: DatabaseSync): ReadonlySet<number> {
  const reserving = new Set(
    database.prepare("SELECT DISTINCT pool FROM allocations WHERE unreserved IS NOT 1").all().map(({ pool }) => pool),
  );
  const marked = new Set<number>();
  const rows = database.prepare("SELECT id, network, range FROM pools").all().flatMap(({ id, network, range }) => {
    const cidr = parseCidr(String(range))?.cidr;
    return cidr ? [{ id: Number(id), network, cidr }] : [];
  });
  for (const pools of Map.groupBy(rows, ({ network, cidr }) => `${cidr.family} ${network}`).values()) {
    const containing: typeof pools = [];
    for (const pool of pools.sort((a, b) => byAddress(a.cidr, b.cidr))) {
      while (containing.length > 0 && !overlap(containing.at(-1)?.cidr ?? pool.cidr, pool.cidr)) containing.pop();
      if (containing.some(({ id }) => reserving.has(id))) marked.add(pool.id);
      if (reserving.has(pool.id)) containing.forEach(({ id }) => marked.add(id));
      containing.push(pool);
    }
  }
  return marked;
}

/** Ascending, a network before those inside it. */
function byAddress(a: Cidr, b: Cidr): number {
  return a.base < b.base ? -1 : a.base > b.base ? 1 : a.prefix - b.prefix;
}

/** Whether an entry has its reservation. */
export function isReserved(
  database: DatabaseSync,
  { network, cidr: { family } }: PoolKey,
  { address, podRef }: Allocation,
): boolean {
  const row = database.prepare("SELECT pod_ref FROM reservations WHERE network = ? AND address = ?")
    .get(network, formatIp({ family, value: address }));
  return row?.pod_ref === podRef;
}

/**
 * Another owner whose entry has the address without a reservation. All such entries of the network then get their reservations, so that a caller
 * that lists them can skip them all.
 */
export function reserveEntries(database: DatabaseSync, wanted: Reservation): Owner | undefined {
  const { network, ip } = wanted;
  const rows = database.prepare(`SELECT ${OWNER_COLUMNS} FROM allocations WHERE ${UNRESERVED} AND address = ?`)
    .all(network, formatIp(ip));
  const holder = rows.map(toOwner).find((one) => !ownsReservation(wanted, one));
  if (holder) {
    database.prepare(
      `INSERT OR IGNORE INTO reservations (network, address, ${OWNER_COLUMNS})
       SELECT ?, address, ${OWNER_COLUMNS} FROM allocations WHERE ${UNRESERVED}`,
    ).run(network, network);
  }
  return holder;
}
