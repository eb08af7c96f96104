import assert from "node:assert/strict";
import { put } from "../drivers/kubernetes/live.ts";
import { run } from "../support/process.ts";
import { makeCluster } from "./cluster.ts";

const SCRIPT = new URL("../../install/reconcile.ts", import.meta.url).pathname;

Deno.test("reconcile prints findings, records them as events, and renews these", async () => {
  await using cluster = await makeCluster();
  const { kube, objects, ask, define } = cluster;
  await define("typo", { rnge: "10.94.0.0/24" });
  await put(kube, "IPPool", "10.94.0.0-24", {
    range: "10.94.0.0/24",
    allocations: { "1": { id: "c", podref: objects.ref("gone"), ifname: "net1" }, "2": { id: "c-nobody" } },
  });
  await objects.pod("lost", { ips: ["10.94.0.9"], network: "elsewhere" });
  const warnings = async () => {
    const { items } = JSON.parse(await kube.kubectl("get", "events", "-o", "json"));
    return items.filter(({ type }: { type: string }) => type === "Warning")
      .map(({ reason, involvedObject: { kind, name } }: Event) => `${reason} ${kind} ${name}`).sort();
  };
  const dry = await ask("reconcile", "--grace", "5", "--dry-run");
  assert.match(dry.out, /^WOULD FREE[^]*10\.94\.0\.1[^]*^FINDING/m);
  assert.deepEqual(await warnings(), []);
  const { code, out } = await ask("reconcile", "--grace", "5");
  assert.equal(code, 0);
  assert.match(out, /^FREED[^]*10\.94\.0\.1/m);
  const kinds = out.slice(out.indexOf("FINDING")).split("\n").map((line) => line.split(" ")[0]).filter((kind) => kind);
  assert.deepEqual(kinds.sort(), ["FINDING", "pod-address-unallocated", "unowned", "unusable-network"].sort());
  const expected = [
    "InvalidConfiguration NetworkAttachmentDefinition typo",
    "UnallocatedIPAddress Pod lost",
    "UnownedIPAddress IPPool 10.94.0.0-24",
  ];
  assert.deepEqual(await warnings(), expected);
  const allowed = ["env", "net", "read"].map((name) => `--allow-${name}`);
  const args = [SCRIPT, "--grace", "5", "--kubeconfig", kube.kubeconfig];
  const script = await run([Deno.execPath(), "run", "--no-prompt", ...allowed, ...args]);
  assert.match(script.stdout, /^unusable-network .* Missing ipam\.range/m, script.stderr);
  assert.doesNotMatch(script.stderr, /record every finding/);
  assert.deepEqual(await warnings(), expected, "the same events, not others beside them");
});

Deno.test("reconcile marks the pools of networks with persistent addresses beside the original, and check names them", async () => {
  await using cluster = await makeCluster();
  const { kube, objects, ask, define } = cluster;
  await define("vms", { range: "10.94.1.0/24", allow_persistent_ips: true });
  await define("plain", { range: "10.94.2.0/24" });
  await put(kube, "IPPool", "10.94.1.0-24", { range: "10.94.1.0/24", allocations: { "1": { id: "c-nobody" } } });
  const marks = async () => {
    const { items } = JSON.parse(await kube.kubectl("get", "ippools", "-o", "json"));
    return items.map(({ metadata: { name, annotations = {} } }: Pool) =>
      `${name} ${annotations["whereabouts.cni.cncf.io/keepers-refused-because"]}`
    );
  };
  const image = "ghcr.io/k8snetworkplumbingwg/whereabouts:v0.9.4";
  await objects.pod("original", { spec: { containers: [{ name: "main", image, command: ["/ip-control-loop"] }] } });
  const by = `Pod ${objects.ref("original")}`;
  assert.equal((await ask("reconcile", "--grace", "5", "--dry-run")).code, 0);
  assert.deepEqual(await marks(), ["10.94.1.0-24 undefined"]);
  const first = await ask("reconcile", "--grace", "5");
  assert.deepEqual([first.code, first.err.match(/Could not.*/g)], [0, null], first.err);
  assert.deepEqual(await marks(), [`10.94.1.0-24 ${by}`]);
  const { out } = await ask("check");
  const [, group = ""] = out.split(/^persistent-beside-original: /m);
  assert(group.includes(`${kube.namespace}/vms`) && group.includes(by), out);
  await objects.deletePod("original");
  assert.equal((await ask("reconcile", "--grace", "5")).code, 0);
  assert.deepEqual(await marks(), ["10.94.1.0-24 undefined"]);
});

/** The compared members of an IPPool. */
interface Pool {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
}

/** The compared fields of an event. */
interface Event {
  readonly reason: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}
