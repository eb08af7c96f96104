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
const ENTRY = {
  key: { network: "", cidr: range("10.0.0.0/24").cidr },
  allocation: { ...owner("a/net1/c0"), address: ip("10.0.0.1").value },
  reserved: true,
};

interface Case {
  /** The runtime's `ipam`. Default: a range, and the store from the flat file. */
  readonly ipam?: Record<string, unknown>;
  /** The flat file. Null: it is missing. */
  readonly flat?: Record<string, unknown> | null;
  /** The record. Null: it is missing. Default: one of the Kubernetes store, with an address. */
  readonly record?: Partial<JournalRecord> | null;
  /** Further files. */
  readonly files?: readonly string[];
}

/** The store of the planned release and the number of its ranges, or why no release is planned. */
async function plan({ ipam = IPAM, flat = FLAT, record = {}, files = [] }: Case): Promise<unknown> {
  const flatFile = flat === null ? {} : { [FLAT_FILES[0] ?? ""]: JSON.stringify(flat) };
  const world = memoryWorld({
    files: { ...flatFile, ...Object.fromEntries(files.map((path) => [path, ""])) },
    env: { WHEREABOUTS_ALLOW_PATHS: "/etc" },
  });
  const conf = { cniVersion: "1.1.0", name: "n", ipam };
  const full: JournalRecord | undefined = record === null ? undefined : {
    ...{ network: "n", containerId: "c0", ifName: "net1", entries: [ENTRY], store: KUBE },
    conf: JSON.stringify({ cniVersion: "1.1.0", name: "n", ipam: IPAM }),
    ...record,
  };
  try {
    const { config } = await planRelease({ world, appendLog: world.appendTextFile }, conf, full) ?? {};
    return config ? [config.datastore, config.ranges.length] : "nothing to release";
  } catch (error) {
    assert(error instanceof UnknownStoreError);
    assert.match(error.message, /whereabouts\.conf/);
    return "try again later";
  }
}

Deno.test("planRelease takes the time that released addresses rest from the configuration of today", async () => {
  const conf = (reuse_after: string) => ({ cniVersion: "1.1.0", name: "n", ipam: { ...IPAM, reuse_after } });
  const world = memoryWorld({ files: { [FLAT_FILES[0] ?? ""]: JSON.stringify(FLAT) } });
  const record = { ...{ network: "n", containerId: "c0", ifName: "net1", entries: [ENTRY], store: KUBE } };
  const restOf = async (own: unknown) => {
    const full = { ...record, conf: JSON.stringify(conf("60s")) };
    const { rests } = await planRelease({ world, appendLog: world.appendTextFile }, own, full) ?? {};
    return rests?.map(({ reuseAfter }) => reuseAfter);
  };
  assert.deepEqual([await restOf(conf("5m")), await restOf(undefined)], [[300_000], [60_000]]);
});

const without = (record: Partial<JournalRecord>) => ({ ...record, store: undefined as never });

const CASES: Readonly<Record<string, readonly [Case, unknown]>> = {
  "the recorded store and pools if the configuration still names that store": [{}, [KUBE, 0]],
  "the configured ranges if ADD did not succeed": [{ record: { entries: [] } }, [KUBE, 1]],
  "the recorded kubeconfig if the flat file names another by now": [{ flat: OTHER, files: ["/etc/kube.conf"] }, [
    KUBE,
    0,
  ]],
  "the configured kubeconfig if the recorded one is missing": [
    { flat: OTHER },
    [{ kind: "kubernetes", kubeconfig: "/other.conf" }, 0],
  ],
  "nothing if the recorded kubeconfig is missing and a store of another kind is configured": [
    { flat: { etcd_host: "https://e:2379", log_level: "panic" } },
    "nothing to release",
  ],
  "the configured endpoints of etcd for the recorded prefix": [
    { flat: { etcd_host: "https://new:2379" }, record: { store: { ...ETCD, username: "root" } } },
    [{ ...ETCD, hosts: ["https://new:2379"] }, 0],
  ],
  "the recorded etcd if another prefix is configured": [
    { flat: { etcd_host: "https://new:2379", etcd_prefix: "/other" }, record: { store: ETCD } },
    [ETCD, 0],
  ],
  "the recorded store if the network is invalid now": [{ ipam: { ...IPAM, range: "nonsense" } }, [KUBE, 0]],
  "the settings with the password if they name the recorded store": [
    {
      ipam: { ...IPAM, etcd_host: "https://e:2379", etcd_username: "root", etcd_password: "hunter2" },
      flat: null,
      record: { store: { kind: "etcd", hosts: ["https://e:2379"], prefix: "/whereabouts", username: "root" } },
    },
    [{ kind: "etcd", hosts: ["https://e:2379"], prefix: "/whereabouts", username: "root", password: "hunter2" }, 0],
  ],
  "an error to retry if the flat file is missing and the recorded store is not embedded": [
    { flat: null },
    "try again later",
  ],
  "an error to retry if every configuration is invalid": [
    { ipam: { type: "other" }, record: { conf: "{}" } },
    "try again later",
  ],
  "the recorded database without a flat file": [
    { flat: null, record: { store: { kind: "embedded", path: DEFAULT_DATABASE } } },
    [{ kind: "embedded", path: DEFAULT_DATABASE }, 0],
  ],
  "nothing if the recorded network may no longer open the store that it names: the sweep frees the addresses": [
    {
      flat: { log_level: "panic" },
      record: {
        store: { kind: "kubernetes", kubeconfig: "/tmp/kube.conf" },
        conf: JSON.stringify({ name: "n", ipam: { ...IPAM, kubernetes: { kubeconfig: "/tmp/kube.conf" } } }),
      },
    },
    "nothing to release",
  ],
  "nothing without a record if the runtime's network may not open the store that it names": [
    { ipam: { ...IPAM, kubernetes: { kubeconfig: "/tmp/kube.conf" } }, record: null },
    "nothing to release",
  ],
  "the configured store for an older record": [{ record: without({}) }, [KUBE, 0]],
  "an error to retry for an older record without a flat file": [{ flat: null, record: without({}) }, "try again later"],
  "the database that exists for an older record without a flat file": [
    { flat: null, record: without({}), files: [DEFAULT_DATABASE] },
    [{ kind: "embedded", path: DEFAULT_DATABASE }, 0],
  ],
  "the configured store without a record": [{ record: null }, [KUBE, 1]],
  "nothing without a record and without a store": [{ record: null, flat: null }, "nothing to release"],
  "nothing without a record and with an invalid configuration": [
    { record: null, ipam: { ...IPAM, range: "nonsense" } },
    "nothing to release",
  ],
};

for (const [title, [one, expected]] of Object.entries(CASES)) {
  Deno.test(`planRelease returns ${title}`, async () => assert.deepEqual(await plan(one), expected));
}
