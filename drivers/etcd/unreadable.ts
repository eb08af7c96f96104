/**
 * Records in etcd that no pool shows.
 *
 * @module
 */
import type { Unreadable } from "../../src/pool/finding.ts";
import { decodeKey, poolsPrefix } from "./keys.ts";
import { olderKeys } from "./migration.ts";
import type { EtcdSession } from "./session.ts";
import { decodeValue, isClosed, oddEntries } from "./value.ts";

/** Checks every key of this release, and finds those of older ones. */
export async function findUnreadable(session: EtcdSession, signal: AbortSignal): Promise<Unreadable[]> {
  const { prefix } = session.settings;
  const { kvs } = await session.call(signal, (client) => client.getAll().prefix(poolsPrefix(prefix)).exec());
  const stored = kvs.flatMap(({ key, value }) => {
    const where = key.toString();
    return faultsOf(where, value.toString(), prefix).map((why) => ({ where, why }));
  });
  const older = (await olderKeys(session, signal)).map((where) => ({
    where,
    why: "Records of the original's v0.5 or older: `migrate etcd` converts them",
  }));
  return [...stored, ...older];
}

function faultsOf(name: string, value: string, prefix: string): string[] {
  const key = decodeKey(prefix, name);
  if (!key) return ["Its key does not name a pool"];
  const document = decodeValue(value);
  if (!document) return ["Its value is not a pool in a known format"];
  if (isClosed(document)) {
    const rest = Object.keys(document.allocations).length;
    return rest > 0
      ? [
        `${rest} entries are being moved to another store: run \`migrate etcd --to kubernetes\` again to complete that`,
      ]
      : [];
  }
  return oddEntries(document, key.cidr.family).map((entry) =>
    `Its entry ${JSON.stringify(entry)} is not an address of its range`
  );
}
