/**
 * A node with pending releases, whose stores answer or not.
 *
 * @module
 */
import type { ReleaseHost } from "../../src/journal/release.ts";
import { directIpam, type Ipam } from "../../src/ipam/ipam.ts";
import { folderJournal, type Journal } from "../../src/journal/journal.ts";
import type { JournalRecord } from "../../src/journal/record.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import type { World } from "../../src/world/world.ts";
import { memory } from "../ipam/lab.ts";
import { faulty, type Plan } from "../support/faulty.ts";

/** One node. */
export interface PendingNode extends AsyncDisposable {
  readonly host: ReleaseHost;
  readonly journal: Journal;
  /** How often each store was opened, by the path of its database. */
  readonly opened: Map<string, number>;
  /** Records a pending release of network `net` for a store: `/away` never answers, others do. */
  addPending(containerId: string, store: string, more?: Partial<JournalRecord>): Promise<void>;
  /** Containers whose releases are pending. */
  pending(): Promise<string[]>;
}

/** The configuration of a record. */
export function confOf(store: string, range = "10.0.0.0/24"): string {
  const ipam = { type: "whereabouts", datastore: "embedded", database: store, range };
  return JSON.stringify({ cniVersion: "1.1.0", name: "net", ipam });
}

/** Creates a node. */
export async function pendingNode(
  world: World,
  { retriesPending = true, plan = () => undefined, ipamOf = (driver) => directIpam(driver, world, SILENT) }: {
    readonly retriesPending?: boolean;
    readonly plan?: Plan;
    readonly ipamOf?: (driver: StorageDriver) => Ipam;
  } = {},
): Promise<PendingNode> {
  const journal = folderJournal("/journal", world, SILENT);
  const opened = new Map<string, number>();
  const store = await memory();
  const here = ipamOf(faulty(store, plan));
  const away = ipamOf(faulty(store, () => ({ done: false, then: "unavailable" })));
  const host: ReleaseHost = {
    world,
    lock: world.lock,
    appendLog: world.appendTextFile,
    open: ({ datastore }) => {
      const path = datastore.kind === "embedded" ? datastore.path : datastore.kind;
      opened.set(path, (opened.get(path) ?? 0) + 1);
      return Promise.resolve({ ...(path === "/away" ? away : here), [Symbol.asyncDispose]: () => Promise.resolve() });
    },
    journal: () => journal,
    retriesPending,
  };
  return {
    host,
    journal,
    opened,
    addPending: (containerId, path, more = {}) =>
      journal.markPending({
        network: "net",
        containerId,
        ifName: "net1",
        conf: confOf(path),
        entries: [],
        store: { kind: "embedded", path },
        ...more,
      }),
    pending: async () => (await journal.pending()).map(({ containerId }) => containerId).sort(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
