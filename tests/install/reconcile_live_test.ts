import assert from "node:assert/strict";
import { DEFAULT_DATABASE } from "../../src/config/schema.ts";
import { database, run as command } from "../cli/lab.ts";
import { put } from "../drivers/kubernetes/live.ts";
import { EtcdServer } from "../support/etcd.ts";
import { makeKube } from "../support/kube.ts";
import { Objects } from "../support/objects.ts";
import { type Finished, run } from "../support/process.ts";

const SCRIPT = new URL("../../install/reconcile.ts", import.meta.url).pathname;

/** Runs the script with the permissions that its documentation lists, and no others. */
function reconcile(
  permissions: readonly string[],
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Finished> {
  const allowed = permissions.map((name) => `--allow-${name}`);
  return run([Deno.execPath(), "run", "--no-prompt", ...allowed, SCRIPT, "--grace", "5", ...args], { env });
}

const CLUSTER = ["env", "net", "read"];

Deno.test("install/reconcile.ts frees addresses that no pod of the cluster uses, and recreates missing reservations", async () => {
  await using kube = await makeKube();
  using objects = new Objects(kube);
  await objects.installAttachments();
  const ipam = { type: "whereabouts", range: "10.5.0.0/24" };
  await objects.attachment("net", { cniVersion: "1.0.0", name: "net", type: "macvlan", ipam });
  await objects.pod("web", { ips: ["10.5.0.1"] });
  const entry = (pod: string) => ({ id: `c-${pod}`, podref: objects.ref(pod), ifname: "net1" });
  await put(kube, "IPPool", "10.5.0.0-24", {
    range: "10.5.0.0/24",
    allocations: { "1": entry("web"), "2": entry("gone") },
  });
  await put(kube, "OverlappingRangeIPReservation", "10.5.0.2", { podref: objects.ref("gone"), ifname: "net1" });
  const flags = ["--kubeconfig", kube.kubeconfig];
  const state = async () => {
    const { spec } = JSON.parse(await kube.kubectl("get", "ippool", "10.5.0.0-24", "-o", "json"));
    const names = await kube.kubectl(
      "get",
      "overlappingrangeipreservations",
      "-o",
      "jsonpath={.items[*].metadata.name}",
    );
    return [Object.keys(spec.allocations).join(" "), names];
  };
  const dry = await reconcile(CLUSTER, [...flags, "--dry-run", "--json"]);
  assert.equal(dry.code, 0, dry.stderr);
  const report = JSON.parse(dry.stdout);
  assert.deepEqual(report.freed.map(({ subject, address }: Record<string, string>) => `${subject} ${address}`), [
    "entry 10.5.0.2",
  ]);
  assert.deepEqual(report.repaired.map(({ address }: Record<string, string>) => address), ["10.5.0.1"]);
  assert.deepEqual(await state(), ["1 2", "10.5.0.2"]);
  const done = await reconcile(CLUSTER, [], { KUBECONFIG: kube.kubeconfig });
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(rowsOf(done.stdout, "FREED"), [
    ["10.5.0.2", "pool 10.5.0.0/24", `${objects.ref("gone")} (net1)`, "pod is gone"],
  ]);
  assert.deepEqual(rowsOf(done.stdout, "CREATED"), [
    ["10.5.0.1", "reservation", `${objects.ref("web")} (net1)`, "missing"],
  ]);
  assert.deepEqual(await state(), ["1", "10.5.0.1"]);
  assert.match((await reconcile(CLUSTER, flags)).stdout, /^Nothing to free$/m);
});

/** The cells below a heading. Pods of other tests may report addresses of the pool, so further tables may follow. */
function rowsOf(out: string, heading: string): string[][] {
  const lines = out.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`${heading} `)) + 1;
  const rest = start === 0 ? [] : lines.slice(start);
  const end = rest.findIndex((line) => !/^[\d.:a-f]+ {2}/.test(line));
  return rest.slice(0, end).map((line) => line.split(/ {2,}/));
}

Deno.test("install/reconcile.ts sweeps a SQLite file with a list of pods, and release accepts its report", async () => {
  await using db = await database();
  const flags = ["--database", db.path, "--pods", `${db.path}.pods`];
  await Deno.writeTextFile(`${db.path}.pods`, "default/web-0\n");
  const { code, stdout, stderr } = await reconcile(["env", "read", "write"], [...flags, "--dry-run", "--json"]);
  assert.equal(code, 0, stderr);
  await Deno.writeTextFile(`${db.path}.json`, stdout);
  const released = await command("release", "--from-report", `${db.path}.json`, "--yes", "--database", db.path);
  assert.deepEqual([released.code, released.out.match(/ released$/gm)?.length], [0, 2]);
  assert.equal((await reconcile(["env", "read", "write"], flags)).stdout, "Nothing to free\n");
  await Deno.writeTextFile(`${db.path}.pods`, "none\n");
  const all = await reconcile(["env", "read", "write"], flags);
  assert.deepEqual(rowsOf(all.stdout, "FREED").map(([address]) => address).toSorted(), ["10.0.0.1", "fd00::1"]);
});

Deno.test("install/reconcile.ts sweeps etcd with the pods of a cluster", async () => {
  await using kube = await makeKube();
  using objects = new Objects(kube);
  await using etcd = await EtcdServer.start();
  await objects.pod("web", { ips: ["10.5.0.1"] });
  const entry = (pod: string) => ({ id: `c-${pod}`, podref: objects.ref(pod), ifname: "net1" });
  const old = { id: "c-old" }; // of a release without pod names: whether it is in use is unknown
  const allocations = { "10.5.0.1": entry("web"), "10.5.0.2": entry("gone"), "10.5.0.3": old };
  await etcd.ctl("put", "/whereabouts/pools/_/_/10.5.0.0/24", JSON.stringify({ version: 1, allocations }));
  const flags = ["--etcd-host", etcd.url, "--kubeconfig", kube.kubeconfig];
  const { code, stdout, stderr } = await reconcile([...CLUSTER, "sys"], flags);
  assert.deepEqual([code, rowsOf(stdout, "FREED").map(([address]) => address)], [0, ["10.5.0.2"]], stderr);
  const { kvs } = JSON.parse(await etcd.ctl("get", "/whereabouts/pools/_/_/10.5.0.0/24"));
  assert.deepEqual(Object.keys(JSON.parse(atob(kvs[0].value)).allocations), ["10.5.0.1", "10.5.0.3"]);
});

Deno.test("install/reconcile.ts frees nothing if it cannot read pods, and reports why", async () => {
  await using db = await database();
  const store = ["--database", db.path];
  const withoutPods = /without pods: add --pods FILE or --kubeconfig FILE/;
  // a plugin may have used the default database of this machine
  const ofMachine = await Deno.stat(DEFAULT_DATABASE).then(() => true, () => false);
  const wrong: [string[], number, RegExp][] = [
    [["--nonsense"], 2, /Unknown flag --nonsense\nUse whereabouts reconcile --help/],
    [["--grace", "1"], 2, /--grace "1": expected 5 s to 24 h/],
    [[], 2, ofMachine ? withoutPods : /Database \S+ not found: select the store with --kubeconfig/],
    [["--datastore", "kubernetes"], 1, /kubeconfig is not configured, and this process does not run in a pod/],
    [["--kubeconfig", "/nowhere"], 1, /"\/nowhere": file not found/],
    [["--database", "/nowhere"], 2, /Database \/nowhere not found/],
    [[...store, "--pods", "/nowhere"], 1, /pods from \/nowhere: file not found/],
    [store, 2, withoutPods],
  ];
  for (const [args, code, why] of wrong) {
    const ended = await reconcile(["env", "net", "read", "write"], args);
    assert.deepEqual([ended.code, ended.stdout], [code, ""], ended.stderr);
    assert.match(ended.stderr, why);
    assert.doesNotMatch(ended.stderr, /\n\s+at /);
  }
  assert.equal((await reconcile([], ["--help"])).code, 0);
  assert.match((await command("show", "--database", db.path)).out, /10\.0\.0\.0\/28 +2 /);
});
