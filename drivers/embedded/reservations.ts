/**
 * Reservations in the embedded store.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { formatIp, type Ip, parseIp } from "../../src/address/ip.ts";
import { ownsReservation, sameRecord } from "../../src/pool/types.ts";
import type { Reservation, Reservations, ReserveResult } from "../../src/storage/driver.ts";
import { reserveEntries } from "./overlaps.ts";
import { OWNER_COLUMNS, ownerValues, toOwner } from "./owner.ts";
import { transaction } from "./schema.ts";

const COLUMNS = `network, address, ${OWNER_COLUMNS}`;
const PLACES = "?, ?, ?, ?, ?, ?, ?, ?";

/** The reservations of a database. `run` maps SQLite's errors. */
export function sqliteReservations(
  run: <T>(signal: AbortSignal, work: (database: DatabaseSync) => T) => Promise<T>,
): Reservations {
  return {
    reserve: (wanted, signal) => run(signal, (database) => transaction(database, () => reserve(database, wanted))),
    takeOver: (found, wanted, signal) =>
      run(signal, (database) => transaction(database, () => takeOver(database, found, wanted))),
    create: (wanted, signal) => run(signal, (database) => create(database, wanted)),
    release: (owned, signal) => run(signal, (database) => transaction(database, () => release(database, owned))),
    find: (network, ip, signal) => run(signal, (database) => find(database, network, ip)),
    list: (network, signal) =>
      run(signal, (database) => {
        const rows = network === undefined
          ? database.prepare(`SELECT ${COLUMNS} FROM reservations`).all()
          : database.prepare(`SELECT ${COLUMNS} FROM reservations WHERE network = ?`).all(network);
        return rows.map(fromRow).filter((row) => row !== undefined);
      }),
  };
}

function reserve(database: DatabaseSync, wanted: Reservation): ReserveResult {
  const stored = find(database, wanted.network, wanted.ip);
  if (stored && !ownsReservation(wanted, stored)) {
    const { network: _, ip: __, ...holder } = stored;
    return { kind: "foreign", holder };
  }
  if (stored) {
    return sameRecord(stored, wanted) ? { kind: "kept", reservation: stored } : { kind: "own", reservation: stored };
  }
  const holder = reserveEntries(database, wanted);
  if (holder) return { kind: "foreign", holder };
  write(database, wanted);
  return { kind: "created", reservation: wanted };
}

function takeOver(database: DatabaseSync, found: Reservation, wanted: Reservation): Reservation | undefined {
  const stored = find(database, wanted.network, wanted.ip);
  if (!stored || !sameRecord(stored, found)) return undefined;
  write(database, wanted);
  return wanted;
}

function write(database: DatabaseSync, wanted: Reservation): void {
  database.prepare(`INSERT OR REPLACE INTO reservations (${COLUMNS}) VALUES (${PLACES})`)
    .run(wanted.network, formatIp(wanted.ip), ...ownerValues(wanted));
}

function create(database: DatabaseSync, wanted: Reservation): Reservation | undefined {
  const { changes } = database.prepare(`INSERT OR IGNORE INTO reservations (${COLUMNS}) VALUES (${PLACES})`)
    .run(wanted.network, formatIp(wanted.ip), ...ownerValues(wanted));
  return Number(changes) > 0 ? wanted : undefined;
}

function release(database: DatabaseSync, owned: Reservation): boolean {
  const stored = find(database, owned.network, owned.ip);
  if (!stored || !ownsReservation(owned, stored)) return false;
  if (stored.containerId !== "" && stored.containerId !== owned.containerId) return false;
  database.prepare("DELETE FROM reservations WHERE network = ? AND address = ?").run(owned.network, formatIp(owned.ip));
  return true;
}

function find(database: DatabaseSync, network: string, ip: Ip): Reservation | undefined {
  const row = database.prepare(`SELECT ${COLUMNS} FROM reservations WHERE network = ? AND address = ?`)
    .get(network, formatIp(ip));
  return row && fromRow(row);
}

/** The reservations of an address in all networks. */
export function reservationsOf(database: DatabaseSync, ip: Ip): Reservation[] {
  const rows = database.prepare(`SELECT ${COLUMNS} FROM reservations WHERE address = ?`).all(formatIp(ip));
  return rows.map(fromRow).filter((row) => row !== undefined);
}

function fromRow(row: Record<string, unknown>): Reservation | undefined {
  const ip = parseIp(String(row.address));
  return ip && { network: String(row.network), ip, ...toOwner(row) };
}
