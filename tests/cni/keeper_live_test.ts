import assert from "node:assert/strict";
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { loadDriver } from "../../drivers/mod.ts";
import { formatIp } from "../../src/address/ip.ts";
import { podsOfCluster } from "../../src/controllers/pods_source.ts";
import { MIN_GRACE } from "../../src/ipam/graces.ts";
import { openIpam } from "../../src/ipam/ipam.ts";
import { sweep } from "../../src/ipam/sweep.ts";
import { addressOf } from "../../src/pool/types.ts";
import { SILENT } from "../../src/world/log.ts";
import { NEVER } from "../controllers/lab.ts";
import { fastWorld } from "../controllers/live.ts";
import { createClaim, createSet } from "../support/ipam_claims.ts";
import { ADMIN_TOKEN, kubeconfigOf } from "../support/kube_files.ts";
import { A, B, C, CLAIMS, keeperLab, SOURCE, TARGET } from "./keeper_lab.ts";

Deno.test("a virtual machine that is stopped and started gets its address back, in a pod of another name", async () => {
  await using one = await keeperLab();
  const keeper = `IPAMClaim/vm.net/${await createClaim(one.kube, "vm.net")}`;
  await one.pod(A.pod, { ...CLAIMS, labels: SOURCE });
  await one.add({ containerId: "eeee", pod: A.pod, ifName: "other" }, "node1", one.conf({ range: "10.81.0.0/25" }));
  assert.equal(await one.add(A), "10.81.0.2/24", "10.81.0.1 is reserved for another range");
  assert.equal((await one.check(A, "10.81.0.2/24")).msg, undefined);
  await one.del(A);
  const detached = { pod: A.pod, id: "", keeper, former: undefined, reservedBy: A.pod, reservedId: "" };
  assert.deepEqual(await one.stored(2), { ...detached, reservedKeeper: keeper });
  await one.objects.deletePod(A.pod);
  await one.pod(C.pod);
  assert.equal(await one.add(C), "10.81.0.3/24", "a pod without a claim");
  await one.pod(B.pod, { ...CLAIMS, labels: SOURCE });
  assert.equal(await one.add(B, "node2"), "10.81.0.2/24");
  await one.del(A);
  const attached = { pod: B.pod, id: B.containerId, keeper, former: undefined, reservedBy: B.pod };
  assert.deepEqual(await one.stored(2), { ...attached, reservedId: B.containerId, reservedKeeper: keeper });
  await one.del(C);
  await one.pod("plain");
  assert.equal(await one.add({ containerId: "dddd", pod: "plain" }), "10.81.0.3/24");
});

Deno.test("source and target of a migration have one address, and the DEL of either leaves it to the other", async () => {
  await using one = await keeperLab();
  await createClaim(one.kube, "vm.net");
  await one.pod(A.pod, { ...CLAIMS, labels: SOURCE });
  const address = await one.add(A);
  await one.pod(B.pod, { ...CLAIMS, labels: TARGET });
  assert.equal(await one.add(B, "node2"), address);
  assert.equal(await one.add(B, "node2"), address, "a repeated ADD");
  for (const [who, node] of [[A, "node1"], [B, "node2"]] as const) {
    assert.equal((await one.check(who, address, node)).msg, undefined, node);
    assert.equal((await one.check(who, address, "node3")).msg, undefined, "a node that has no record of the ADD");
  }
  await one.pod(C.pod, { ...CLAIMS, labels: TARGET });
  const early = await one.call("ADD", one.conf(), C, "node2");
  assert.equal(early.code, 11);
  assert.match(early.msg ?? "", /pods [^ ]*launcher-b and [^ ]*launcher-a use it/);
  await one.del(B, "node2"); // the migration failed
  const { pod, id, former } = await one.stored(1);
  assert.deepEqual([pod, id, former], [A.pod, A.containerId, undefined]);
  assert.equal((await one.check(A, address)).msg, undefined);
  assert.equal(await one.add(C, "node2"), address);
  await one.del(A); // the migration succeeded
  assert.equal((await one.stored(1)).pod, C.pod);
  assert.equal((await one.check(C, address, "node2")).msg, undefined);
  await one.del(C, "node2");
  assert.equal((await one.stored(1)).id, "");
});

Deno.test("a second pod with a claim waits until the first one has ended, and a second interface is refused", async () => {
  await using one = await keeperLab();
  await createClaim(one.kube, "vm.net");
  await one.pod(A.pod, { claims: { net1: "vm.net", net2: "vm.net" } });
  const address = await one.add(A);
  const second = await one.call("ADD", one.conf(), { ...A, ifName: "net2" });
  assert.equal(second.code, 7);
  assert.match(second.msg ?? "", /IPAMClaim vm\.net .*launcher-a \(net2\).*another interface/);
  await one.pod(B.pod, { ...CLAIMS, labels: TARGET });
  const waiting = await one.call("ADD", one.conf(), B, "node2");
  assert.equal(waiting.code, 11);
  assert.match(waiting.msg ?? "", /launcher-a uses it/);
  assert.equal((await one.stored(1)).pod, A.pod);
  await one.objects.phase(A.pod, "Succeeded");
  const ending = await one.call("ADD", one.conf(), B, "node2");
  assert.match(ending.msg ?? "", /launcher-a uses it/, "its sandbox may exist");
  const condition = { type: "PodReadyToStartContainers", status: "False" };
  await one.objects.status(A.pod, { conditions: [condition] });
  assert.equal(await one.add(B, "node2"), address, "its DEL is lost, and its pod has ended");
  await one.del(A);
  assert.equal((await one.stored(1)).pod, B.pod);
});

Deno.test("a claim of the same name with another uid is another claim; a missing one and one of another network are refused", async () => {
  await using one = await keeperLab();
  await one.pod(A.pod, CLAIMS);
  const missing = await one.call("ADD", one.conf(), A);
  assert.equal(missing.code, 11);
  assert.match(missing.msg ?? "", /IPAMClaim test-\S+\/vm\.net does not exist.*network net/);
  await createClaim(one.kube, "vm.net");
  assert.equal(await one.add(A), "10.81.0.1/24");
  await one.del(A);
  await one.kube.kubectl("delete", "ipamclaim", "vm.net");
  await createClaim(one.kube, "vm.net");
  assert.equal(await one.add(A), "10.81.0.2/24");
  await one.del(A);
  await createClaim(one.kube, "other.net", "other");
  const wrong = await one.call("ADD", one.conf(), { ...A, claim: "other.net" });
  assert.equal(wrong.code, 7);
  assert.match(wrong.msg ?? "", /IPAMClaim test-\S+\/other\.net .*network net: its spec\.network is "other"/);
});

Deno.test("a pod of a StatefulSet takes its address to another node, and the late DEL of the first one changes nothing", async () => {
  await using one = await keeperLab();
  const conf = one.conf({ sticky: "statefulset" });
  const uid = await createSet(one.kube, "web", 2);
  const owner = { name: "web", uid };
  const [first, second] = ["1111", "2222"].map((containerId) => ({ containerId, pod: "web-0" }));
  assert(first && second);
  await one.pod("web-0", { owner });
  await one.pod("web-1", { owner });
  assert.equal(await one.add(first, "node1", conf), "10.81.0.1/24");
  assert.equal(await one.add({ containerId: "3333", pod: "web-1" }, "node1", conf), "10.81.0.2/24");
  await one.objects.deletePod("web-0");
  await one.pod("web-0", { owner });
  assert.equal(await one.add(second, "node2", conf), "10.81.0.1/24");
  await one.del(first, "node1", conf);
  assert.equal((await one.stored(1)).id, second.containerId);
  await one.del(second, "node2", conf);
  const { pod, id, keeper } = await one.stored(1);
  assert.deepEqual([pod, id, keeper], ["web-0", "", `StatefulSet/web/${uid}`]);
});

Deno.test("a pod gets the address that it prefers if it is free, and keeps the one that it has", async () => {
  await using one = await keeperLab();
  const conf = one.conf({ preferred_ip: true });
  const prefers = (ip: string) => ({ annotations: { "whereabouts.cni.cncf.io/preferred-ip": ip } });
  await one.pod(A.pod, prefers("10.81.0.9"));
  await one.pod(B.pod, prefers("10.81.0.9"));
  await one.pod(C.pod, prefers("10.81.0.x"));
  assert.equal(await one.add(A, "node1", conf), "10.81.0.9/24");
  assert.equal(await one.add(B, "node1", conf), "10.81.0.1/24");
  await one.del(A, "node1", conf);
  assert.equal(await one.add({ ...B, containerId: "dddd" }, "node1", conf), "10.81.0.1/24");
  const invalid = await one.call("ADD", conf, C);
  assert.equal(invalid.code, 7);
  assert.match(invalid.msg ?? "", /preferred-ip of pod \S+\/launcher-c: found "10\.81\.0\.x"/);
});

Deno.test("a network that keeps addresses needs the right to read pods, and others send no request for it", async () => {
  await using one = await keeperLab();
  await createClaim(one.kube, "vm.net");
  await one.pod(A.pod, CLAIMS);
  const { namespace } = one.kube;
  await one.kube.kubectl("create", "serviceaccount", "node");
  const rules = { apiGroups: ["whereabouts.cni.cncf.io"], resources: ["*"], verbs: ["*"] };
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: { name: "node" }, rules: [rules] };
  const file = await Deno.makeTempFile({ dir: one.kube.folder });
  await Deno.writeTextFile(file, JSON.stringify(role));
  await one.kube.kubectl("create", "-f", file);
  await one.kube.kubectl("create", "rolebinding", "node", "--role=node", `--serviceaccount=${namespace}:node`);
  const token = (await one.kube.kubectl("create", "token", "node")).trim();
  assert.notEqual(token, ADMIN_TOKEN);
  const kubeconfig = `${one.kube.folder}/${namespace}-node.kubeconfig`;
  await Deno.writeTextFile(kubeconfig, JSON.stringify(kubeconfigOf(one.kube, { token }, namespace)));
  const refused = await one.call("ADD", one.conf({}, kubeconfig), A);
  assert.equal(refused.code, 102);
  assert.match(refused.msg ?? "", /Cannot get Pod .*needs the verb "get" on "pods"/);
  const plain = one.conf({ allow_persistent_ips: false }, kubeconfig);
  assert.equal(await one.add(A, "node1", plain), "10.81.0.1/24");
});

Deno.test("beside the original ADD keeps no further address, STATUS reports it, and what is kept works on", async () => {
  await using one = await keeperLab();
  await createClaim(one.kube, "vm.net");
  await createClaim(one.kube, "vm2.net");
  await one.pod(A.pod, { ...CLAIMS, labels: SOURCE });
  await one.pod(B.pod, { ...CLAIMS, labels: TARGET });
  await one.pod(C.pod, { claims: { net1: "vm2.net" } });
  const address = await one.add(A);
  const because = "whereabouts.cni.cncf.io/keepers-refused-because";
  await one.kube.kubectl("annotate", "ippool", "10.81.0.0-24", `${because}=DaemonSet kube-system/whereabouts`);

  const refused = await one.call("ADD", one.conf(), C);
  assert.equal(refused.code, 102);
  assert.match(
    refused.msg ?? "",
    /^Pool 10\.81\.0\.0\/24 keeps no .*DaemonSet kube-system\/whereabouts runs .*delete it/,
  );
  const status = await one.call("STATUS", one.conf(), C);
  assert.equal(status.code, 50);
  assert.match(status.msg ?? "", /DaemonSet kube-system\/whereabouts/);
  const plain = one.conf({ allow_persistent_ips: false });
  assert.equal((await one.call("STATUS", plain, C)).code, undefined);
  assert.equal(
    await one.add({ containerId: "dddd", pod: "plain" }, "node1", plain),
    "10.81.0.2/24",
    "a network that keeps none",
  );

  assert.equal(await one.add(B, "node2"), address, "a migration of what is kept");
  assert.equal((await one.check(A, address)).msg, undefined);
  await one.del(A);
  await one.del(B, "node2");
  assert.equal((await one.stored(1)).id, "");
  await one.kube.kubectl("annotate", "ippool", "10.81.0.0-24", `${because}-`);
  assert.equal((await one.call("STATUS", one.conf(), C)).code, undefined);
  assert.equal(await one.add(C), "10.81.0.3/24");
});

Deno.test("the sweep keeps the address of a stopped virtual machine, and frees it once the claim is deleted", async () => {
  await using one = await keeperLab();
  const { kubeconfig } = one.kube;
  const world = fastWorld(20);
  await using ipam = await openIpam({ kind: "kubernetes", kubeconfig }, loadDriver, world, SILENT);
  await createClaim(one.kube, "vm.net");
  await one.pod(A.pod, { ...CLAIMS, labels: SOURCE });
  await one.pod(B.pod);
  assert.equal(await one.add(A), "10.81.0.1/24");
  assert.equal(await one.add(B), "10.81.0.2/24", "a pod without a claim");
  await one.del(A); // B's DEL is lost
  for (const { pod } of [A, B]) await one.objects.deletePod(pod);
  const swept = async () => {
    await using pods = await podsOfCluster(world, await openCluster(world, { kubeconfig }));
    const { orphans, failures } = await sweep(ipam, { pods, grace: MIN_GRACE, dryRun: false, signal: NEVER });
    assert.deepEqual(failures, []);
    return orphans.map((entry) => `${formatIp(addressOf(entry))} ${entry.reason}`);
  };
  const first = await swept();
  assert.deepEqual(
    first.map((line) => line.split(" ")[0]),
    ["10.81.0.2"],
    "the sweep works, and frees what has no keeper",
  );
  const kept = await one.stored(1);
  assert.deepEqual([kept.pod, kept.id, kept.reservedBy, kept.reservedId], [A.pod, "", A.pod, ""]);
  assert.deepEqual(await swept(), [], "however often it runs");
  await one.pod(C.pod, { ...CLAIMS, labels: SOURCE });
  assert.equal(await one.add(C, "node2"), "10.81.0.1/24");
  await one.del(C, "node2");
  await one.objects.deletePod(C.pod);
  await one.kube.kubectl("delete", "ipamclaim", "vm.net");
  assert.deepEqual((await swept()).map((line) => line.split(" ")[0]), ["10.81.0.1"]);
  assert.equal(await one.kube.kubectl("get", "overlappingrangeipreservations", "-o", "name"), "");
});

Deno.test("the address of a pod that was deleted by force waits for evidence that its containers have ended", async () => {
  await using one = await keeperLab();
  const { kubeconfig } = one.kube;
  const world = fastWorld(20);
  await using ipam = await openIpam({ kind: "kubernetes", kubeconfig }, loadDriver, world, SILENT);
  const sweeps = async () => {
    await using pods = await podsOfCluster(world, await openCluster(world, { kubeconfig }));
    const { detached, orphans, failures } = await sweep(ipam, { pods, dryRun: false, signal: NEVER });
    assert.deepEqual([orphans, failures], [[], []]);
    return detached.map(({ sandbox: { podRef }, reason }) => [podRef, reason]);
  };
  await createClaim(one.kube, "vm.net");
  await one.pod(A.pod, { ...CLAIMS, labels: SOURCE });
  const address = await one.add(A);
  await one.pod(B.pod, { ...CLAIMS, labels: TARGET });
  assert.equal(await one.add(B, "node2"), address);
  for (const { pod } of [A, B]) await one.objects.deletePod(pod); // both nodes may run them
  await one.pod(C.pod, { ...CLAIMS, labels: SOURCE });
  const waiting = await one.call("ADD", one.conf(), C, "node3");
  assert.equal(waiting.code, 11);
  assert.match(waiting.msg ?? "", /IPAMClaim vm\.net to \S+launcher-c .*launcher-b of node node2 no longer exists/);
  assert.deepEqual(await sweeps(), [
    [one.objects.ref(B.pod), "pod is gone"],
    [one.objects.ref(A.pod), "pod is gone"],
  ], "there is no object of either node");
  const { id, former, reservedId } = await one.stored(1);
  assert.deepEqual([id, former, reservedId], ["", undefined, ""]);
  assert.equal(await one.add(C, "node3"), address);
  for (const [who, node] of [[A, "node1"], [B, "node2"]] as const) await one.del(who, node);
  assert.equal((await one.stored(1)).pod, C.pod, "the late DELs change nothing");
});

Deno.test("a claim keeps one address of each range, and the next pod gets all of them", async () => {
  await using one = await keeperLab();
  await createClaim(one.kube, "vm.net");
  const conf = one.conf({ range: undefined, ipRanges: [{ range: "10.81.0.0/24" }, { range: "fd81::/64" }] });
  const addresses = async (who: typeof A) => {
    const { prevResult, msg } = await one.call("ADD", conf, who);
    const { ips } = prevResult as { readonly ips: readonly { readonly address: string }[] };
    assert.equal(msg, undefined);
    return ips.map(({ address }) => address);
  };
  const ips = ["10.81.0.1/24", "fd81::1/64"];
  await one.pod(A.pod, { ...CLAIMS, labels: SOURCE });
  assert.deepEqual(await addresses(A), ips);
  await one.del(A, "node1", conf);
  await one.objects.deletePod(A.pod);
  await one.pod(C.pod);
  assert.deepEqual(await addresses(C), ["10.81.0.2/24", "fd81::2/64"], "a pod without a claim");
  await one.pod(B.pod, { ...CLAIMS, labels: SOURCE });
  assert.deepEqual(await addresses(B), ips);
  const { items } = JSON.parse(await one.kube.kubectl("get", "overlappingrangeipreservations", "-o", "json"));
  const kept = items.filter(({ spec }: { spec: { keeper?: string } }) => spec.keeper?.startsWith("IPAMClaim/vm.net/"));
  assert.deepEqual(kept.map(({ spec }: { spec: { podref: string } }) => spec.podref), [
    one.objects.ref(B.pod),
    one.objects.ref(B.pod),
  ]);
});
