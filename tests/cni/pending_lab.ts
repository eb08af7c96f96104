/**
 * A node with pending releases, of networks whose stores answer or do not.
 *
 * @module
 */
import type { RequestContext } from "../../src/cni/context.ts";
import type { Host } from "../../src/cni/host.ts";
import { directIpam, type Ipam } from "../../src/ipam/ipam.ts";
import { folderJournal, type Journal } from "../../src/journal/journal.ts";
import type { JournalRecord } from "../../src/journal/record.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import type { World } from "../../src/world/world.ts";
import { memory, never } from "../ipam/lab.ts";
import { faulty, type Plan } from "../support/faulty.ts";

/** One node. */
export interface PendingNode extends AsyncDisposable {
  readonly context: RequestContext;
  readonly journal: Journal;
  /** Stores that are asked, by the paths of their databases, and how often each was opened. */
  readonly opened: Map<string, number>;
  /** Notes a pending release of network `net` in the store `/away`, which never answers, or another one. */
  promise(containerId: string, store: string, more?: Partial<JournalRecord>): Promise<void>;
  /** Containers whose releases are pending. */
  pending(): Promise<string[]>;
}

/** What a configuration of a record says. */
export function confOf(store: string, range = "10.0.0.0/24"): string {
  const ipam = { type: "whereabouts", datastore: "embedded", database: store, range };
  return JSON.stringify({ cniVersion: "1.1.0", name: "net", ipam });
}

/** Makes a node. */
export async function pendingNode(
  world: World,
  { delivers = true, plan = () => undefined, ipamOf = (driver) => directIpam(driver, world, SILENT) }: {
    readonly delivers?: boolean;
    readonly plan?: Plan;
    readonly ipamOf?: (driver: StorageDriver) => Ipam;
  } = {},
): Promise<PendingNode> {
  const journal = folderJournal("/journal", world, SILENT);
  const opened = new Map<string, number>();
  const store = await memory();
  const here = ipamOf(faulty(store, plan));
  const away = ipamOf(faulty(store, () => ({ done: false, then: "unavailable" })));
  const host: Host = {
    world,
    lock: world.lock,
    appendLog: world.appendTextFile,
    open: ({ datastore }) => {
      const path = datastore.kind === "embedded" ? datastore.path : datastore.kind;
      opened.set(path, (opened.get(path) ?? 0) + 1);
      return Promise.resolve({ ...(path === "/away" ? away : here), [Symbol.asyncDispose]: () => Promise.resolve() });
    },
    journal: () => journal,
    delivers,
  };
  const request = { verb: "DEL", containerId: "", ifName: "", args: {}, conf: {}, network: "", cniVersion: "1.1.0" };
  return {
    context: { signal: never(), request: request as RequestContext["request"], host },
    journal,
    opened,
    promise: (containerId, path, more = {}) =>
      journal.promise({
        network: "net",
        containerId,
        ifName: "net1",
        conf: confOf(path),
        held: [],
        store: { kind: "embedded", path },
        ...more,
      }),
    pending: async () => (await journal.pending()).map(({ containerId }) => containerId).sort(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
