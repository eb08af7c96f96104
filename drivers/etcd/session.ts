/**
 * Calls to etcd that end when they are told to, and whose failures say what to do.
 *
 * @module
 */
import type { Etcd3 } from "etcd3";
import type { OpenContext } from "../../src/storage/open.ts";
import { connect, type EtcdSettings, toStoreError } from "./connect.ts";

/** A client in use. */
export interface EtcdSession extends OpenContext {
  /** Which etcd. */
  readonly settings: EtcdSettings;
  /** Makes a call. Ends when the signal aborts, although the library's call goes on until its own deadline. */
  call<T>(signal: AbortSignal, work: (client: Etcd3) => Promise<T>): Promise<T>;
  /** Ends connections. */
  close(): void;
}

/** Makes a session. It connects at the first call. */
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
