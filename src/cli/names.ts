/**
 * What a name of an operator names: each pool, network, definition, node, pod, address or CIDR.
 *
 * @module
 */
import { type Cidr, contains, formatCidr, overlap, parseCidr } from "../address/cidr.ts";
import { formatIp, type Ip, parseIp, sameIp } from "../address/ip.ts";
import { addressOf, formatPoolKey, type Owner, type PoolKey } from "../pool/types.ts";
import { UsageError } from "./define.ts";
import { objectOf, type PoolRow } from "./pool_rows.ts";

/** What can be named. The words of the first five are prefixes that choose one: `pod:web/a`. */
const KINDS = ["pool", "network", "definition", "node", "pod", "address", "CIDR"] as const;
type Kind = typeof KINDS[number];
const WORDS: Readonly<Record<Kind, string>> = {
  pool: "pool",
  network: "network",
  definition: "network definition",
  node: "node",
  pod: "pod",
  address: "address",
  CIDR: "CIDR",
};

/** A record of an address: an allocation, or a reservation. */
interface AddressRecord extends Owner {
  /** The address. */
  readonly ip: Ip;
}

/** One meaning of a name. */
export interface Meaning {
  /** What it names. */
  readonly kind: Kind;
  /** The full name. */
  readonly name: string;
  /** Whether it selects a pool. */
  readonly pool: (row: PoolRow) => boolean;
  /** Which records of the pool it selects. Absent: all. */
  readonly record?: (record: AddressRecord, key?: PoolKey) => boolean;
}

/** Reads the node of a pod where the record of its address has none. */
export type NodeOf = (podRef: string) => string | undefined;

/**
 * The meaning of a name among pools.
 *
 * @returns undefined: nothing has this name
 * @throws {UsageError} it has several meanings that select different addresses; or it is meant as an address and is invalid
 */
export function meaningOf(
  text: string,
  rows: readonly PoolRow[],
  nodeOf: NodeOf = () => undefined,
): Meaning | undefined {
  if (text === "") throw new UsageError('Invalid name "": expected that of a pool, a pod, an address');
  const [, prefix, rest = text] = /^(pool|network|definition|node|pod):(.+)$/.exec(text) ?? [];
  const chosen = (meaning: Meaning) => prefix === undefined || meaning.kind === prefix;
  const ip = prefix === undefined ? parseIp(rest) : undefined;
  if (ip) return ofAddress(ip);
  const exact = exactMeanings(rest, rows, nodeOf).filter(chosen);
  const found = exact.length > 0 ? exact : shortMeanings(rest, rows).filter(chosen);
  const different = distinct(found, rows);
  if (different.length > 1) throw ambiguous(text, different, rows);
  const [meaning] = found;
  if (meaning) return meaning;
  const cidr = prefix === undefined ? parseCidr(rest)?.cidr : undefined;
  if (cidr) return ofCidr(cidr);
  if (prefix === undefined && /^[\d.]+(\/\d*)?$|:/.test(rest)) {
    throw new UsageError(`Invalid address ${JSON.stringify(text)}: expected one such as 10.0.0.5 or 10.0.0.0/24`);
  }
  return undefined;
}

/** The message for a name that nothing has. */
export function notFound(text: string, where: string): string {
  return `${
    JSON.stringify(text)
  } not found in ${where}: expected a pool, network, network definition, node, pod, address ` +
    "or CIDR; run show to list the pools";
}

/** The records of a row that a meaning selects. */
export function selectedIn({ record }: Pick<Meaning, "record">, { pool: { key }, shown }: PoolRow): PoolRow["shown"] {
  return record
    ? shown.filter((allocation) => record({ ...allocation, ip: addressOf({ key, allocation }) }, key))
    : shown;
}

function ofAddress(ip: Ip): Meaning {
  return {
    kind: "address",
    name: formatIp(ip),
    pool: ({ pool: { key } }) => contains(key.cidr, ip),
    record: (record) => sameIp(record.ip, ip),
  };
}

function ofCidr(cidr: Cidr): Meaning {
  return {
    kind: "CIDR",
    name: formatCidr(cidr),
    pool: ({ pool: { key } }) => overlap(key.cidr, cidr),
    record: ({ ip }) => contains(cidr, ip),
  };
}

function exactMeanings(text: string, rows: readonly PoolRow[], nodeOf: NodeOf): Meaning[] {
  const cidr = parseCidr(text)?.cidr;
  const range = cidr && formatCidr(cidr);
  const ofPod = ({ podRef }: Owner) => podRef === text;
  const ofNode = (owner: Owner, key?: PoolKey) => key?.node === text || (owner.node ?? nodeOf(owner.podRef)) === text;
  const meanings: Meaning[] = [
    {
      kind: "pool",
      name: text,
      pool: ({ pool }) =>
        [formatPoolKey(pool.key), objectOf(pool)].includes(text) || formatCidr(pool.key.cidr) === range,
    },
    { kind: "network", name: text, pool: ({ pool }) => pool.key.network === text },
    { kind: "definition", name: text, pool: ({ users }) => users.includes(text) },
    { kind: "node", name: text, pool: (row) => row.pool.key.node === text || hasRecord(row, ofNode), record: ofNode },
    { kind: "pod", name: text, pool: (row) => hasRecord(row, ofPod), record: ofPod },
  ];
  return meanings.filter(({ pool }) => rows.some(pool));
}

/** Names of definitions and pods without their namespace. */
function shortMeanings(text: string, rows: readonly PoolRow[]): Meaning[] {
  const isShort = (name: string) => name.endsWith(`/${text}`);
  const definitions = new Set(rows.flatMap(({ users }) => users).filter(isShort));
  const pods = new Set(rows.flatMap(({ shown }) => shown.map(({ podRef }) => podRef)).filter(isShort));
  return [
    ...[...definitions].map((name): Meaning => ({
      kind: "definition",
      name,
      pool: ({ users }) => users.includes(name),
    })),
    ...[...pods].map((name): Meaning => {
      const record = ({ podRef }: Owner) => podRef === name;
      return { kind: "pod", name, pool: (row) => hasRecord(row, record), record };
    }),
  ];
}

function hasRecord({ pool: { key }, shown }: PoolRow, matches: (owner: Owner, key: PoolKey) => boolean): boolean {
  return shown.some((one) => matches(one, key));
}

/** Meanings that select the same addresses need no choice: the first of each selection. */
function distinct(meanings: readonly Meaning[], rows: readonly PoolRow[]): Meaning[] {
  const bySelection = new Map<string, Meaning>();
  for (const meaning of meanings.length > 1 ? meanings : []) {
    const selection = rows.map((row, i) => {
      if (!meaning.pool(row)) return "";
      const records = selectedIn(meaning, row);
      return `${i}:${records.length === row.shown.length ? "all" : records.map(({ address }) => address).join()}`;
    }).join(" ");
    if (!bySelection.has(selection)) bySelection.set(selection, meaning);
  }
  return [...bySelection.values()];
}

function ambiguous(text: string, meanings: readonly Meaning[], rows: readonly PoolRow[]): UsageError {
  const described = meanings.map((meaning) => {
    const own = rows.filter(meaning.pool);
    const addresses = own.reduce((sum, row) => sum + selectedIn(meaning, row).length, 0);
    const counts = `${plural(own.length, "pool")}, ${plural(addresses, "address", "addresses")}`;
    return `${WORDS[meaning.kind]} ${meaning.name} (${counts})`;
  });
  const choices = meanings.map(({ kind, name }) => `${kind}:${name}`);
  return new UsageError(
    `Ambiguous name ${JSON.stringify(text)}: ${described.join(", or ")}; write ${choices.join(" or ")}`,
  );
}

/** A count with its noun. */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : many}`;
}
