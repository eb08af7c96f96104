import assert from "node:assert/strict";
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { put, writeKubeconfig } from "../drivers/kubernetes/live.ts";
import { ControlPlane, type Kube, namespaceOf, NOBODY_TOKEN } from "../support/kube.ts";
import { makeCluster, type TestCluster } from "./cluster.ts";
import { call } from "./lab.ts";

/** A kubeconfig of a user who may only list the custom resources of one namespace. */
async function narrowKubeconfig(kube: Kube): Promise<string> {
  const group = "whereabouts.cni.cncf.io";
  const resources = ["ippools", "overlappingrangeipreservations", "nodeslicepools"].map((one) => `${one}.${group}`);
  await kube.kubectl("create", "role", "reader", "--verb=list", `--resource=${resources.join()}`);
  await kube.kubectl("create", "rolebinding", "reader", "--role=reader", "--user=nobody");
  return await writeKubeconfig(kube, { token: NOBODY_TOKEN });
}

/** Reading commands read the only namespace with pools; the others name it. */
async function readsOther({ kube, ask }: TestCluster, right: Kube, address: string): Promise<void> {
  for (const [command, expected] of [[["check"], 0], [["show"], 0], [["who-has", address], 1]] as const) {
    const { code, out, err } = await ask(...command);
    assert.equal(code, expected, `${command.join(" ")}: ${out}${err}`);
    assert.equal(
      err,
      `No pools in namespace ${kube.namespace} of the cluster of ${kube.kubeconfig}; reading namespace ${right.namespace}, which has some`,
    );
    assert.match(out, new RegExp(`in namespace ${right.namespace} of the cluster of `), command.join(" "));
  }
  for (const command of [["release", address, "--yes"], ["reconcile"]]) {
    const { code, out, err } = await ask(...command);
    assert.deepEqual([code, `${out}${err}`.includes(`add --namespace ${right.namespace}`)], [1, true], command[0]);
  }
}

/** Reading commands read all namespaces on request. */
async function readsAll({ ask }: TestCluster, right: Kube): Promise<void> {
  const { out } = await ask("show", "-A");
  assert.match(out, new RegExp(`^NAMESPACE +POOL .*\n${right.namespace} +172\\.31\\.214\\.0/24 `));
  assert.match(out, /2 pools in all namespaces of the cluster of /);
  assert.deepEqual(
    JSON.parse((await ask("check", "-A", "-o", "json")).out).map(({ namespace }: { namespace: string }) => namespace),
    [right.namespace],
  );
  const both = await ask("show", "-A", "-n", right.namespace);
  assert.deepEqual([both.code, both.out], [2, ""]);
}

Deno.test("commands find the namespace of the pools, and accept an empty cluster", async (t) => {
  await using cluster = await makeCluster();
  const { plane, kube, ask } = cluster;
  const right = await namespaceOf(plane.facts);
  const here = `namespace ${kube.namespace} of the cluster of ${kube.kubeconfig}`;
  const address = "172.31.214.1";
  const commands = [["check"], ["show"], ["who-has", address], ["release", address, "--yes"], ["reconcile"]];

  await t.step("an empty cluster has no pools", async () => {
    for (const command of [["check"], ["show"], ["reconcile"]]) {
      const { code, out, err } = await ask(...command);
      assert.equal(code, 0, `${command.join(" ")}: ${out}${err}`);
      assert(`${err}${out}`.startsWith(`No pools in ${here}\n`) || err === `No pools in ${here}`, `${err}${out}`);
    }
    const json = await ask("check", "--json");
    assert.deepEqual([json.code, JSON.parse(json.out).elsewhere], [0, {}]);
  });

  await put(right, "IPPool", "172.31.214.0-24", { range: "172.31.214.0/24", allocations: {} });
  await put(right, "IPPool", "172.31.215.0-24", { range: "172.31.215.0/24", allocations: {} });

  await t.step("a wrong namespace is named with the right one", async () => {
    const found = `No pools in ${here}; found pools in namespace ${right.namespace} (2 objects): ` +
      `add --namespace ${right.namespace}`;
    for (const command of commands) {
      const { code, out, err } = await ask(...command, "--namespace", kube.namespace);
      assert.equal(code, 1, command.join(" "));
      assert(`${out}${err}`.includes(found), `${command.join(" ")}: ${out}${err}`);
      assert.doesNotMatch(out, /Consistent|Nothing to free/);
    }
    const json = await ask("check", "--json", "--namespace", kube.namespace);
    const { elsewhere, namespace } = JSON.parse(json.out);
    assert.deepEqual([json.code, namespace, elsewhere], [1, kube.namespace, { [right.namespace]: 2 }]);
    const { code, out } = await ask("check", "--namespace", right.namespace);
    assert.deepEqual([code, out.startsWith("Consistent: 2 pools")], [0, true], out);
  });

  await t.step(
    "without --namespace, the only namespace with pools is read, and named",
    () => readsOther(cluster, right, address),
  );
  await t.step("all namespaces are read with --all-namespaces", () => readsAll(cluster, right));

  await t.step("where other namespaces may not be listed, that is reported", async () => {
    const kubeconfig = await narrowKubeconfig(kube);
    const pods = await Deno.makeTempFile();
    await Deno.writeTextFile(pods, "none\n");
    const narrow = (...args: string[]) => call({ openCluster }, ...args, "--kubeconfig", kubeconfig);
    for (const [command, expected] of [[["check", "--pods", pods], 1], [["reconcile", "--pods", pods], 0]] as const) {
      const { code, out, err } = await narrow(...command);
      assert.equal(code, expected, `${out}${err}`);
      assert.match(
        `${out}${err}`,
        /^No pools in namespace .*cannot search other namespaces: Cannot list IPPools of all namespaces: .*--namespace/m,
      );
    }
  });

  await t.step("objects that are named in two namespaces", async () => {
    const third = await namespaceOf(plane.facts);
    await put(third, "IPPool", "172.31.214.0-24", { range: "172.31.214.0/24", allocations: {} });
    const { out } = await ask("show");
    assert(
      out.includes(
        `in namespaces ${right.namespace} (2 objects), ${third.namespace} (1 object): add --namespace NAME or --all-namespaces`,
      ),
      out,
    );
  });
});

Deno.test("commands name the CRD that is not installed", async () => {
  await using plane = await ControlPlane.start({ crds: false });
  const kube = await namespaceOf(plane.facts);
  for (const command of [["check"], ["show"], ["reconcile"]]) {
    const { code, out, err } = await call({ openCluster }, ...command, "--kubeconfig", kube.kubeconfig);
    assert.deepEqual([code, out], [1, ""]);
    assert.match(
      err,
      /does not serve (ippools|overlappingrangeipreservations)\.whereabouts\.cni\.cncf\.io: kubectl apply -f install\/manifests\/crds/,
    );
  }
});
