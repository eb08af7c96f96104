/**
 * Calls to etcd that end when their signal aborts, with the errors of the driver contract.
 *
 * @module
 */
import type { OpenContext } from "../../src/storage/open.ts";
import { connect, type EtcdSettings, toStoreError } from "./connect.ts";
import type { Etcd3 } from "./library.ts";

/** An open client. */
export interface EtcdSession extends OpenContext {
  /** The settings of the store. */
  readonly settings: EtcdSettings;
  /** Makes a call. Ends when the signal aborts, although the library's call keeps running until its own deadline. */
  call<T>(signal: AbortSignal, work: (client: Etcd3) => Promise<T>): Promise<T>;
  /** Closes the connections. */
  close(): void;
}

/** Opens a session. It connects at the first call. */
export async function openSession(settings: EtcdSettings, context: OpenContext): Promise<EtcdSession> {
  const client = await connect(settings, context.world);
  return {
    ...context,
    settings,
    call: async (signal, work) => {
      signal.throwIfAborted();
      const aborted = Promise.withResolvers<never>();
      const onAbort = () => aborted.reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        return await Promise.race([work(client), aborted.promise]);
      } catch (error) {
        throw signal.aborted ? signal.reason : toStoreError(error, settings);
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
    close: () => client.close(),
  };
}
