import assert from "node:assert/strict";
import { FLAT_FILES } from "../../src/config/files.ts";
import { DEFAULT_DATABASE } from "../../src/config/schema.ts";
import { planRelease, UnknownStoreError } from "../../src/journal/plan.ts";
import type { RecordedStore } from "../../src/journal/facts.ts";
import type { JournalRecord } from "../../src/journal/record.ts";
import { ip, owner, range } from "../ipam/lab.ts";
import { memoryWorld } from "../support/world.ts";

const KUBE: RecordedStore = { kind: "kubernetes", kubeconfig: "/etc/kube.conf" };
const FLAT = { kubernetes: { kubeconfig: "/etc/kube.conf" }, log_level: "panic" };
const OTHER = { ...FLAT, kubernetes: { kubeconfig: "/other.conf" } };
const ETCD: RecordedStore = { kind: "etcd", hosts: ["https://e:2379"], prefix: "/whereabouts" };
const IPAM = { type: "whereabouts", range: "10.0.0.0/24" };
const HELD = {
  key: { network: "", cidr: range("10.0.0.0/24").cidr },
  allocation: { ...owner("a/net1/c0"), address: ip("10.0.0.1").value },
  reserved: true,
};

interface Case {
  /** The runtime's `ipam`. Default: a range, and the store from the flat file. */
  readonly ipam?: Record<string, unknown>;
  /** The flat file. Null: it is missing. */
  readonly flat?: Record<string, unknown> | null;
  /** The record. Null: there is none. Default: of the kubernetes store, with an address. */
  readonly record?: Partial<JournalRecord> | null;
  /** Further files. */
  readonly files?: readonly string[];
}

/** The store that a release goes to, with the number of its ranges; what else there is to do. */
async function plan({ ipam = IPAM, flat = FLAT, record = {}, files = [] }: Case): Promise<unknown> {
  const flatFile = flat === null ? {} : { [FLAT_FILES[0] ?? ""]: JSON.stringify(flat) };
  const world = memoryWorld({
    files: { ...flatFile, ...Object.fromEntries(files.map((path) => [path, ""])) },
    env: { WHEREABOUTS_ALLOW_PATHS: "/etc" },
  });
  const conf = { cniVersion: "1.1.0", name: "n", ipam };
  const whole: JournalRecord | undefined = record === null ? undefined : {
    ...{ network: "n", containerId: "c0", ifName: "net1", held: [HELD], store: KUBE },
    conf: JSON.stringify({ cniVersion: "1.1.0", name: "n", ipam: IPAM }),
    ...record,
  };
  try {
    const { config } = await planRelease({ world, appendLog: world.appendTextFile }, conf, whole) ?? {};
    return config ? [config.datastore, config.ranges.length] : "nothing";
  } catch (error) {
    assert(error instanceof UnknownStoreError);
    assert.match(error.message, /whereabouts\.conf/);
    return "not now";
  }
}

const without = (record: Partial<JournalRecord>) => ({ ...record, store: undefined as never });

const CASES: Readonly<Record<string, readonly [Case, unknown]>> = {
  "the recorded store and pools, where the configuration still names that store": [{}, [KUBE, 0]],
  "the configured ranges where ADD did not come through": [{ record: { held: [] } }, [KUBE, 1]],
  "the recorded kubeconfig where the flat file names another by now": [{ flat: OTHER, files: ["/etc/kube.conf"] }, [
    KUBE,
    0,
  ]],
  "the configured kubeconfig where the recorded one is gone": [
    { flat: OTHER },
    [{ kind: "kubernetes", kubeconfig: "/other.conf" }, 0],
  ],
  "nothing where the recorded kubeconfig is gone, and a store of another kind is configured": [
    { flat: { etcd_host: "https://e:2379", log_level: "panic" } },
    "nothing",
  ],
  "the configured endpoints of etcd for the recorded prefix": [
    { flat: { etcd_host: "https://new:2379" }, record: { store: { ...ETCD, username: "root" } } },
    [{ ...ETCD, hosts: ["https://new:2379"] }, 0],
  ],
  "the recorded etcd where another prefix is configured": [
    { flat: { etcd_host: "https://new:2379", etcd_prefix: "/other" }, record: { store: ETCD } },
    [ETCD, 0],
  ],
  "the recorded store where the network cannot be read any more": [{ ipam: { ...IPAM, range: "nonsense" } }, [KUBE, 0]],
  "the settings with the password where they name the recorded store": [
    {
      ipam: { ...IPAM, etcd_host: "https://e:2379", etcd_username: "root", etcd_password: "hunter2" },
      flat: null,
      record: { store: { kind: "etcd", hosts: ["https://e:2379"], prefix: "/whereabouts", username: "root" } },
    },
    [{ kind: "etcd", hosts: ["https://e:2379"], prefix: "/whereabouts", username: "root", password: "hunter2" }, 0],
  ],
  "an error to retry where the flat file is missing and the record is not embedded": [{ flat: null }, "not now"],
  "an error to retry where no configuration can be read": [
    { ipam: { type: "other" }, record: { conf: "{}" } },
    "not now",
  ],
  "the database of the record, with no flat file": [
    { flat: null, record: { store: { kind: "embedded", path: DEFAULT_DATABASE } } },
    [{ kind: "embedded", path: DEFAULT_DATABASE }, 0],
  ],
  "nothing where the recorded network may no longer open what it names: the sweep frees the addresses": [
    {
      flat: { log_level: "panic" },
      record: {
        store: { kind: "kubernetes", kubeconfig: "/tmp/kube.conf" },
        conf: JSON.stringify({ name: "n", ipam: { ...IPAM, kubernetes: { kubeconfig: "/tmp/kube.conf" } } }),
      },
    },
    "nothing",
  ],
  "nothing where the runtime's network may not open what it names, and nothing is recorded": [
    { ipam: { ...IPAM, kubernetes: { kubeconfig: "/tmp/kube.conf" } }, record: null },
    "nothing",
  ],
  "an older record by the configuration": [{ record: without({}) }, [KUBE, 0]],
  "an error to retry for an older record without a flat file": [{ flat: null, record: without({}) }, "not now"],
  "the database that exists for an older record without a flat file": [
    { flat: null, record: without({}), files: [DEFAULT_DATABASE] },
    [{ kind: "embedded", path: DEFAULT_DATABASE }, 0],
  ],
  "the configured store without a record": [{ record: null }, [KUBE, 1]],
  "nothing without a record and without a store": [{ record: null, flat: null }, "nothing"],
  "nothing without a record and a configuration": [{ record: null, ipam: { ...IPAM, range: "nonsense" } }, "nothing"],
};

for (const [title, [one, expected]] of Object.entries(CASES)) {
  Deno.test(`planRelease gives ${title}`, async () => assert.deepEqual(await plan(one), expected));
}
