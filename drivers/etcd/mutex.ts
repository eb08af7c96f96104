/**
 * The lock by which plugins of the original's v0.1 to v0.5.4 keep each other from a record: a key under a lease, `LOCK/LEASE`. Whose key is
 * the oldest has it.
 *
 * @module
 */
import { RefusedError } from "../../src/storage/driver.ts";
import type { EtcdSession } from "./session.ts";

/** Seconds after which etcd lets go of a lock whose holder died. */
const LIFETIME = 10;
/** Milliseconds to wait for others: longer than the lease of a plugin that died. */
const PATIENCE = 75_000;
/** Milliseconds between two looks. */
const PAUSE = 100;

/**
 * Runs the work under the lock. It gets the key that is there as long as the lock is held: a transaction that compares it is safe.
 *
 * @throws {RefusedError} others do not let go of it
 */
export async function withLock<T>(
  session: EtcdSession,
  lock: string,
  signal: AbortSignal,
  work: (held: string) => Promise<T>,
): Promise<T> {
  const lease = await session.call(signal, (client) => Promise.resolve(client.lease(LIFETIME)));
  try {
    const id = await session.call(signal, () => lease.grant());
    const held = `${lock}/${BigInt(id).toString(16)}`;
    const { header } = await session.call(signal, () => lease.put(held).value("").exec());
    await others(session, lock, header.revision, signal);
    return await work(held);
  } finally {
    await lease.revoke().catch(() => {}); // it runs out by itself
  }
}

async function others(session: EtcdSession, lock: string, revision: string, signal: AbortSignal): Promise<void> {
  const { world, log } = session;
  let told = false;
  const end = world.monotonic() + PATIENCE;
  for (;;) {
    const { kvs } = await session.call(signal, (client) => client.getAll().prefix(`${lock}/`).exec());
    const before = kvs.filter(({ create_revision }) => BigInt(create_revision) < BigInt(revision))
      .map(({ key }) => key.toString()).filter((key) => /^[0-9a-f]+$/.test(key.slice(lock.length + 1)));
    if (before.length === 0) return;
    if (!told) log.warn("Waiting for an older plugin that works on a record, or died at it", { lock: before[0] });
    told = true;
    if (world.monotonic() > end) {
      throw new RefusedError(
        `Cannot lock ${lock}: an older plugin holds ${before.join(", ")}; stop the older plugins, and run it again`,
      );
    }
    await world.sleep(PAUSE, signal);
  }
}
