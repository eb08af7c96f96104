/**
 * The rights of the service accounts in the manifests, as the API server evaluates them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { phrases } from "../documents.ts";
import { binary, callPlugin } from "../support/binary.ts";
import { ControlPlane, kubeconfigOf, makeKube, namespaceOf } from "../support/kube.ts";
import { run } from "../support/process.ts";
import { answers } from "./access.ts";

const PLUGIN = await binary();

const MANIFESTS = new URL("../../install/manifests/", import.meta.url).pathname;
const GROUP = "whereabouts.cni.cncf.io";
const LEASE = "leases.coordination.k8s.io";
const CRDS = "customresourcedefinitions.apiextensions.k8s.io";
const NADS = "network-attachment-definitions.k8s.cni.cncf.io";

/** `VERB RESOURCE NAMESPACE [NAME]`, and whether the controller may. */
const CONTROLLER: readonly (readonly [question: string, allowed: boolean])[] = [
  ...["get", "list", "watch"].flatMap((verb) => [
    [`${verb} pods default`, true] as const,
    [`${verb} nodes default`, true] as const,
    [`${verb} ${NADS} default`, true] as const,
    [`${verb} ippools.${GROUP} kube-system`, true] as const,
    [`${verb} overlappingrangeipreservations.${GROUP} kube-system`, true] as const,
    [`${verb} nodeslicepools.${GROUP} kube-system`, true] as const,
    [`${verb} secrets kube-system`, false] as const,
    [`${verb} ippools.${GROUP} default`, false] as const,
  ]),
  [`patch ippools.${GROUP} kube-system`, true],
  [`create ippools.${GROUP} kube-system`, true],
  [`delete ippools.${GROUP} kube-system`, true],
  [`patch ippools.${GROUP} default`, false],
  [`delete ippools.${GROUP} default`, false],
  [`delete overlappingrangeipreservations.${GROUP} kube-system`, true],
  [`update nodeslicepools.${GROUP} kube-system`, true],
  ["create events default", true],
  ["patch events default", true],
  ["delete events default", false],
  [`get ${CRDS} default ippools.${GROUP}`, true],
  [`get ${CRDS} default pods.example.org`, false],
  [`list ${CRDS} default`, false],
  [`get ${LEASE} kube-system whereabouts-controller`, true],
  [`update ${LEASE} kube-system whereabouts-controller`, true],
  [`update ${LEASE} kube-system kube-scheduler`, false],
  [`create ${LEASE} kube-system`, true],
  [`create ${LEASE} default`, false],
  [`delete ${LEASE} kube-system whereabouts-controller`, false],
  [`get ${LEASE} kube-node-lease node1`, true],
  [`list ${LEASE} kube-node-lease`, false],
  [`update ${LEASE} kube-node-lease node1`, false],
  ["list resourceclaims.resource.k8s.io default", true],
  ["get resourceclaims.resource.k8s.io default", false],
  ["update resourceclaims.resource.k8s.io default", false],
  ["get ipamclaims.k8s.cni.cncf.io default", true],
  ["list ipamclaims.k8s.cni.cncf.io default", true],
  ["watch ipamclaims.k8s.cni.cncf.io default", true],
  ["patch ipamclaims.k8s.cni.cncf.io default", false],
  ["update ipamclaims.k8s.cni.cncf.io default", false],
  ["delete ipamclaims.k8s.cni.cncf.io default", false],
  ["get statefulsets.apps default", true],
  ["list statefulsets.apps default", false],
  ["update statefulsets.apps default", false],
  ["delete pods default", false],
  ["create pods default", false],
  ["patch nodes default", false],
  [`update ${NADS} default`, false],
  ["get configmaps kube-system", false],
];

/** The same for plugin and agent. */
const NODE: readonly (readonly [question: string, allowed: boolean])[] = [
  [`patch ippools.${GROUP} kube-system`, true],
  [`delete ippools.${GROUP} kube-system`, false],
  [`watch ippools.${GROUP} kube-system`, false],
  [`get ippools.${GROUP} default`, false],
  [`get nodeslicepools.${GROUP} kube-system`, true],
  [`patch nodeslicepools.${GROUP} kube-system`, false],
  ["list pods default", false],
  ["get nodes default", false],
  ["get secrets kube-system", false],
  ["get leases.coordination.k8s.io kube-system", false],
];

for (const [account, table] of [["whereabouts-controller", CONTROLLER], ["whereabouts", NODE]] as const) {
  Deno.test(`service account ${account} has the rights that it needs, and no others`, async () => {
    await using kube = await makeKube();
    await kube.kubectl("apply", "-k", MANIFESTS);
    const given = await answers(kube, `kube-system:${account}`, table.map(([question]) => question));
    const differing = table.filter(([, allowed], i) => given[i] !== allowed).map(([question]) => question);
    assert.deepEqual(differing, []);
  });
}

Deno.test("the controller's account suffices for the commands that documents run in its pod", async (t) => {
  const prefix = "kubectl -n kube-system exec deployment/whereabouts-controller -- whereabouts ";
  const commands = new Set(phrases().flatMap(({ code }) => code.startsWith(prefix) ? code.slice(prefix.length) : []));
  assert(commands.size >= 3, `only ${[...commands]} were found`);
  await using plane = await ControlPlane.start(); // check reads the pods of all namespaces
  const kube = await namespaceOf(plane.facts);
  await kube.kubectl("apply", "-k", MANIFESTS);
  await kube.kubectl("run", "bridge-a", "--namespace=default", "--image=busybox:1");
  const inSystem = async (token: string, name: string) => {
    const path = `${kube.folder}/${name}.kubeconfig`;
    await Deno.writeTextFile(path, JSON.stringify(kubeconfigOf(kube, { token }, "kube-system")));
    return path;
  };
  const ipam = {
    type: "whereabouts",
    range: "10.60.2.0/24",
    kubernetes: { kubeconfig: await inSystem(kube.token, "admin-system") },
  };
  const conf = { cniVersion: "1.0.0", name: "bridge", ipam };
  const added = await callPlugin(PLUGIN, { verb: "ADD", conf, containerId: "c0", pod: "bridge-a" });
  assert.equal(JSON.parse(added.stdout).ips[0].address, "10.60.2.1/24");
  const token = await kube.kubectl("create", "token", "whereabouts-controller", "--namespace=kube-system");
  const env = { KUBECONFIG: await inSystem(token.trim(), "controller") };
  for (const command of commands) {
    await t.step(command, async () => {
      const { code, stdout, stderr } = await run([PLUGIN, ...command.split(" ")], { env });
      assert.equal(code, 0, stdout + stderr);
      assert.notEqual(stdout.trim(), "");
    });
  }
});
