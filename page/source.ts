/**
 * Where the page gets its data: from the server, or from its own file.
 *
 * @module
 */
import type { PoolDetail, State } from "../src/ui/types.ts";

/** What the page knows. */
export interface Received {
  /** The state; undefined before the first one. */
  readonly state: State | undefined;
  /** Why the server cannot be reached; else empty. */
  readonly lost: string;
}

/** The origin of the data. */
export interface Source {
  /** Whether later states follow. */
  readonly live: boolean;
  /** Calls back with each state, until the returned function is called. */
  subscribe(receive: (received: Received) => void): () => void;
  /** The addresses of a pool. `version`: as in its summary. */
  detail(pool: string, version: number): Promise<PoolDetail>;
  /** The addresses of all pools, as of now. */
  details(): Promise<Readonly<Record<string, PoolDetail>>>;
}

/** The data of the file that this page is, or that of the server that it came from. */
export function chooseSource(): Source {
  const state = document.getElementById("state")?.textContent;
  const details = document.getElementById("details");
  return state && details ? fileSource(JSON.parse(state), details) : serverSource();
}

function fileSource(state: State, element: Element): Source {
  let parsed: Record<string, PoolDetail> | undefined;
  const details = () => parsed ??= JSON.parse(element.textContent ?? "{}") as Record<string, PoolDetail>;
  return {
    live: false,
    subscribe: (receive) => {
      receive({ state, lost: "" });
      return () => {};
    },
    detail: (pool) => {
      const found = details()[pool];
      return found ? Promise.resolve(found) : Promise.reject(new Error(`Pool ${pool} not found`));
    },
    details: () => Promise.resolve(details()),
  };
}

function serverSource(): Source {
  const known = new Map<string, { readonly version: number; readonly detail: PoolDetail }>();
  return {
    live: true,
    subscribe: (receive) => {
      let state: State | undefined;
      const events = new EventSource("events");
      events.onmessage = ({ data }) => {
        state = JSON.parse(data);
        receive({ state, lost: "" });
      };
      events.onerror = () =>
        receive({
          state,
          lost: "The command that serves this page does not answer: it has ended, or the tunnel is closed",
        });
      return () => events.close();
    },
    detail: async (pool, version) => {
      const old = known.get(pool);
      if (old?.version === version) return old.detail;
      const detail = await read<PoolDetail>(`details?pool=${encodeURIComponent(pool)}`);
      known.set(pool, { version, detail });
      return detail;
    },
    details: () => read("details"),
  };
}

async function read<T>(path: string): Promise<T> {
  const response = await fetch(path);
  if (!response.ok) throw new Error((await response.text()).trim());
  return await response.json();
}
