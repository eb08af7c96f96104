/**
 * The status of IPAMClaims on a real API server, with the rights of the manifests: nodes call the plugin, and the controller writes the status.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { parseCidr } from "../../src/address/cidr.ts";
import { writeClaimStatuses } from "../../src/controllers/claim_statuses.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { SILENT } from "../../src/world/log.ts";
import { makeCluster, type TestCluster } from "../cli/cluster.ts";
import { A, B, C, CLAIMS, KeeperLab, SOURCE, TARGET } from "../cni/keeper_lab.ts";
import { applyIpamClaims, createClaim } from "../support/ipam_claims.ts";
import { kubeconfigOf, makeKube } from "../support/kube.ts";
import { eventually } from "../support/process.ts";
import { NEVER } from "./lab.ts";
import { Lab } from "./live.ts";

const MANIFESTS = new URL("../../install/manifests/", import.meta.url).pathname;
const PERSISTENT = `${MANIFESTS}persistent-rbac.yaml`;

/** A cluster with the manifests, a network that keeps addresses, and the claim `vm.net`; nodes and the controller call it by their accounts. */
async function installed(cluster: TestCluster) {
  const { kube, define } = cluster;
  await applyIpamClaims(kube);
  await kube.kubectl("apply", "-k", MANIFESTS);
  await kube.kubectl("apply", "-f", PERSISTENT);
  await define("net", { range: "10.81.0.0/24", allow_persistent_ips: true });
  await createClaim(kube, "vm.net");
  const account = async (name: string) => {
    const token = (await kube.kubectl("create", "token", name, "--namespace=kube-system")).trim();
    const path = `${kube.folder}/${name}.kubeconfig`;
    await Deno.writeTextFile(path, JSON.stringify(kubeconfigOf(kube, { token }, "kube-system")));
    return path;
  };
  const shared = { ...kube, [Symbol.asyncDispose]: () => Promise.resolve() };
  const nodes = new KeeperLab(shared);
  return {
    nodes,
    conf: nodes.conf({}, await account("whereabouts")),
    /** Its clock is fast, and it sweeps only once, at its start. */
    controller: { speed: 20, kubeconfig: await account("whereabouts-controller") },
    lab: await Lab.on(shared),
    status: async () => JSON.parse(await kube.kubectl("get", "ipamclaim", "vm.net", "-o", "json")).status ?? {},
  };
}

Deno.test("Controller writes the status of a claim when its first pod starts and ends, and frees the address of a deleted claim", async () => {
  await using lab = await Lab.make();
  const { kube, objects } = lab;
  await applyIpamClaims(kube);
  const ipam = { range: "10.55.0.0/24", allow_persistent_ips: true };
  await objects.attachment("net", { name: "net", type: "macvlan", ipam: { type: "whereabouts", ...ipam } });
  await using _ = await lab.start({ speed: 10 });
  const keeper = { kind: "IPAMClaim", name: "vm.net", uid: await createClaim(kube, "vm.net") } as const;
  const status = async (expected: string) => {
    const jsonpath = "jsonpath={.status.ips[*]} {.status.ownerPod.name} {.status.conditions[*].status}";
    const isWritten = async () => await kube.kubectl("get", "ipamclaim", "vm.net", "-o", jsonpath) === expected;
    await eventually(`the status "${expected}"`, isWritten);
  };
  const ips = await lab.add("net", ipam, "vm", { keeper });
  await objects.pod("vm", { ips });
  await status("10.55.0.1/24 vm True");
  await lab.del("net", ipam, "vm");
  await objects.deletePod("vm");
  await status("10.55.0.1/24  True");
  await kube.kubectl("delete", "ipamclaim", "vm.net");
  // its schedule is too rare for this test
  await eventually("the address of the deleted claim is free", async () => {
    const pools = await lab.ipam.driver.list(NEVER);
    return pools.every(({ allocations }) => allocations.size === 0);
  });
});

Deno.test("Controller writes the status of a claim over a virtual machine's life, with the rights of the manifests", async () => {
  await using cluster = await makeCluster();
  const { nodes, conf, controller, lab, status } = await installed(cluster);
  await using _nodes = nodes;
  await using _lab = lab;
  await using _ = await lab.start(controller);
  const shows = async (what: string, ownerPod: string | undefined) => {
    let seen: unknown;
    await eventually(what, async () => {
      const { ips, ownerPod: owner, conditions } = seen = await status();
      return ips?.join() === "10.81.0.1/24" && owner?.name === ownerPod && conditions?.[0]?.type === "IPsAllocated";
    }).catch(() => assert.fail(`${what}: ${JSON.stringify(seen)}`));
  };
  const add = async (one: typeof A, labels: Record<string, string>, node: string) => {
    await nodes.pod(one.pod, { ...CLAIMS, labels });
    assert.equal(await nodes.add(one, node, conf), "10.81.0.1/24");
    await nodes.objects.addresses(one.pod, ["10.81.0.1"]);
  };
  const remove = async (one: typeof A, node: string) => {
    await nodes.del(one, node, conf);
    await nodes.objects.deletePod(one.pod);
  };
  assert.deepEqual(await status(), {});
  await add(A, SOURCE, "node1");
  await shows("the first status", A.pod);
  await remove(A, "node1");
  await shows("a stopped virtual machine", undefined);
  await add(B, SOURCE, "node2");
  await shows("one that was started elsewhere", B.pod);
  await add(C, TARGET, "node1");
  await shows("the target of a migration", C.pod);
  await remove(C, "node1");
  await shows("the source of a migration that failed", B.pod);
  const { conditions: [{ status: allocated, lastTransitionTime }] } = await status();
  assert.equal(allocated, "True");
  assert(Date.parse(lastTransitionTime) > 0);
});

Deno.test("ADD and the controller name each right that they lack for claims", async () => {
  await using cluster = await makeCluster();
  const { kube } = cluster;
  const { nodes, conf, controller, lab, status } = await installed(cluster);
  await using _nodes = nodes;
  await using _lab = lab;
  await nodes.pod(A.pod, { ...CLAIMS, labels: SOURCE });
  const { rules } = JSON.parse(await kube.kubectl("get", "clusterrole", "whereabouts-persistent", "-o", "json"));
  assert.deepEqual(rules.map(({ resources, verbs }: Rule) => `${resources} ${verbs}`), ["pods get", "ipamclaims get"]);
  for (const [i, resource] of ["pods", "ipamclaims"].entries()) {
    await kube.kubectl("patch", "clusterrole", "whereabouts-persistent", "--type=json", `-p=${without(i)}`);
    let answer: unknown;
    await eventually(`ADD is refused without ${resource}`, async () => {
      const { code, msg = "" } = answer = await nodes.call("ADD", conf, A);
      if (code === undefined) await nodes.del(A, "node1", conf); // the server has not read the role yet
      return code === 102 && msg.includes(`"${resource}"`);
    }).catch(() => assert.fail(JSON.stringify(answer)));
    await kube.kubectl("apply", "-f", PERSISTENT);
  }
  await eventually("ADD works", async () => (await nodes.call("ADD", conf, A)).code === undefined);

  const roles = JSON.parse(await kube.kubectl("get", "clusterrole", "whereabouts-controller", "-o", "json"));
  const index = roles.rules.findIndex(({ resources }: Rule) => resources.includes("ipamclaims/status"));
  assert(index >= 0);
  await kube.kubectl("patch", "clusterrole", "whereabouts-controller", "--type=json", `-p=${without(index)}`);
  await using running = await lab.start(controller);
  await eventually("the failure is logged", () => {
    const line = running.world.lines.find((one) => one.includes("Could not write status of IPAMClaim"));
    return Promise.resolve(line?.includes("ipamclaims/status") ?? false);
  });
  assert.deepEqual(await status(), {});
  await kube.kubectl("apply", "-f", `${MANIFESTS}controller-rbac.yaml`);
  await eventually("the status is written without a sweep", async () => (await status()).ownerPod?.name === A.pod);
});

Deno.test("writeClaimStatuses writes the status of a claim that another writer changed after it was listed", async () => {
  await using kube = await makeKube();
  await applyIpamClaims(kube);
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const { ipamClaims } = cluster;
  const network = parseCidr("10.81.0.0/24");
  assert(ipamClaims && network);
  const keeper = { kind: "IPAMClaim", name: "vm.net", uid: await createClaim(kube, "vm.net") } as const;
  const address = network.cidr.base + 5n;
  const entry = { address, podRef: `${kube.namespace}/vm`, ifName: "net1", containerId: "c", keeper };
  let lists = 0;
  const claims = {
    ...ipamClaims,
    list: async (signal: AbortSignal) => {
      const listed = await ipamClaims.list(signal);
      if (lists++ === 0) await kube.kubectl("label", "ipamclaim", "vm.net", "changed=meanwhile");
      return listed;
    },
  };
  const pool = { key: { network: "", cidr: network.cidr }, allocations: new Map([[address, entry]]) };
  const failures = await writeClaimStatuses(
    { claims, world: denoWorld(), log: SILENT },
    [pool],
    () => undefined,
    NEVER,
  );
  assert.deepEqual([failures, lists], [[], 2]);
  const { metadata, status } = JSON.parse(await kube.kubectl("get", "ipamclaim", "vm.net", "-o", "json"));
  assert.deepEqual([metadata.labels, status.ips], [{ changed: "meanwhile" }, ["10.81.0.5/24"]]);
});

/** A JSON patch that removes a rule of a role. */
function without(rule: number): string {
  return JSON.stringify([{ op: "remove", path: `/rules/${rule}` }]);
}

/** The compared part of a rule. */
interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}
