/**
 * The admission policy on a real API server: what a node's credentials may write, and what they may not.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { assets } from "../support/assets.ts";
import { KUBE_VERSION, withoutHelmLabels } from "../support/helm.ts";
import { ControlPlane, namespaceOf } from "../support/kube.ts";
import { eventually, must, run } from "../support/process.ts";

const INSTALL = new URL("../../install/", import.meta.url).pathname;
const HELM = `${await assets("helm")}/helm`;
const KUBECTL = `${await assets("controlPlane")}/kubectl`;

/** The limit of the policy. */
const LIMIT = 250;

function objectsOf(text: string): unknown[] {
  return parseAllDocuments(text).map((document) => document.toJS()).filter((one) => one !== null);
}

Deno.test("the chart renders the policy of install/policy if enabled, and none by default", async () => {
  const fixed = [HELM, "template", "whereabouts", `${INSTALL}chart`, ...KUBE_VERSION];
  const rendered = (...flags: string[]) => must([...fixed, ...flags]);
  assert.doesNotMatch(await rendered(), /ValidatingAdmissionPolicy/);
  const one = ["--set", "admissionPolicy.enabled=true", "--show-only", "templates/policy.yaml"];
  const expected = objectsOf(await must([KUBECTL, "kustomize", `${INSTALL}policy`]));
  assert.equal(expected.length, 2);
  assert.deepEqual(objectsOf(await rendered(...one)).map(withoutHelmLabels), expected);
  const other = await rendered(...one, "--set", "admissionPolicy.maxRemovals=9,namespaceOverride=net");
  assert.match(other, /<= 9\n[^]*more than 9 entries/);
  assert.match(other, /system:serviceaccount:net:whereabouts'/);
});

Deno.test("the policy lets a node add and release, and refuses to empty a pool", async () => {
  await using plane = await ControlPlane.start(); // a policy applies to the whole cluster
  const kube = await namespaceOf(plane.facts);
  await kube.kubectl("apply", "-k", `${INSTALL}manifests`);
  await kube.kubectl("apply", "-k", `${INSTALL}policy`);
  const entries = Object.fromEntries(
    Array.from({ length: 2 * LIMIT }, (_, i) => [`${i + 1}`, { id: `c${i}`, podref: `default/p${i}`, ifname: "net1" }]),
  );
  const pool = {
    apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
    kind: "IPPool",
    metadata: { name: "10.0.0.0-16", namespace: "kube-system" },
    spec: { range: "10.0.0.0/16", allocations: entries },
  };
  const file = `${kube.folder}/pool.json`;
  await Deno.writeTextFile(file, JSON.stringify(pool));
  await kube.kubectl("apply", "--server-side", "-f", file);
  const patch = async (account: string, operations: readonly unknown[], ...more: string[]) => {
    const flags = ["--namespace", "kube-system", "--as", account, "--type", "json", ...more];
    const change = ["patch", "ippool", "10.0.0.0-16", "--patch", JSON.stringify(operations)];
    return await run([KUBECTL, "--kubeconfig", kube.kubeconfig, ...change, ...flags]);
  };
  const NODE = "system:serviceaccount:kube-system:whereabouts";
  const path = (key: number) => `/spec/allocations/${key}`;
  const removals = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ op: "remove", path: path(from + i) }));

  const emptied = [{ op: "replace", path: "/spec/allocations", value: {} }];
  await eventually("the policy in effect", async () => {
    const { stderr } = await patch(NODE, emptied, "--dry-run=server");
    return /must not remove more than 250 entries/.test(stderr);
  });
  assert.match((await patch(NODE, emptied)).stderr, /must not remove more than 250 entries/);
  const exchanged = [...removals(1, LIMIT + 1), { op: "add", path: path(60_000), value: { id: "c", podref: "a/b" } }];
  assert.match((await patch(NODE, exchanged)).stderr, /must not remove more than 250 entries/);
  assert.equal((await patch(NODE, [{ op: "add", path: path(60_001), value: { id: "c", podref: "a/b" } }])).code, 0);
  const allowed = await patch(NODE, removals(1, LIMIT));
  assert.equal(allowed.code, 0, allowed.stderr);
  const controller = await patch("system:serviceaccount:kube-system:whereabouts-controller", emptied);
  assert.equal(controller.code, 0, controller.stderr);
});
