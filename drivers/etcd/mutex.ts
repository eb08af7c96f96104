/**
 * The lock that plugins of the original's v0.1 to v0.5.4 acquire before they change a record: a key under a lease, `LOCK/LEASE`. The owner
 * of the oldest key holds the lock.
 *
 * @module
 */
import { RefusedError } from "../../src/storage/driver.ts";
import type { EtcdSession } from "./session.ts";

/** Seconds after which etcd releases the lock of a process that died; a running one renews it. */
const LEASE_SECONDS = 10;
/** Milliseconds to wait for other holders: longer than the lease of an older plugin that died, 60 seconds. */
const TIMEOUT = 75_000;
/** Milliseconds between two reads of the lock: short compared to a call, for which the lock is held. */
const INTERVAL = 100;

/**
 * Runs the work under the lock. `lockKey` exists as long as this process holds the lock: a transaction that requires the key is safe.
 *
 * @throws {RefusedError} older plugins do not release it
 */
export async function withLock<T>(
  session: EtcdSession,
  lock: string,
  signal: AbortSignal,
  work: (lockKey: string) => Promise<T>,
): Promise<T> {
  const lease = await session.call(signal, (client) => Promise.resolve(client.lease(LEASE_SECONDS)));
  try {
    const id = await session.call(signal, () => lease.grant());
    const lockKey = `${lock}/${BigInt(id).toString(16)}`;
    const { header } = await session.call(signal, () => lease.put(lockKey).value("").exec());
    await waitForOthers(session, lock, header.revision, signal);
    return await work(lockKey);
  } finally {
    await lease.revoke().catch(() => {}); // it expires by itself
  }
}

async function waitForOthers(session: EtcdSession, lock: string, revision: string, signal: AbortSignal): Promise<void> {
  const { world, log } = session;
  let isLogged = false;
  const end = world.monotonic() + TIMEOUT;
  for (;;) {
    const { kvs } = await session.call(signal, (client) => client.getAll().prefix(`${lock}/`).exec());
    const before = kvs.filter(({ create_revision }) => BigInt(create_revision) < BigInt(revision))
      .map(({ key }) => key.toString()).filter((key) => /^[0-9a-f]+$/.test(key.slice(lock.length + 1)));
    if (before.length === 0) return;
    if (!isLogged) {
      log.warn("Waiting for the lock of an older plugin, which is in use or was left by a crash", { lock: before[0] });
    }
    isLogged = true;
    if (world.monotonic() > end) {
      throw new RefusedError(
        `Cannot lock ${lock}: an older plugin holds ${before.join(", ")}; stop the older plugins, and run it again`,
      );
    }
    await world.sleep(INTERVAL, signal);
  }
}
