import assert from "node:assert/strict";
import { eventually } from "../tests/support/process.ts";
import { type Cluster, openCluster } from "./cluster.ts";
import { agentCounter, consistent, deletePods, network, pod, readyPods } from "./objects.ts";

const OURS = ["-n", "kube-system", "-l", "name=whereabouts", "--field-selector=spec.nodeName=node1"];

/** Replaces a file of a volume as the kubelet does: a new folder, and a link that is moved from one moment to the next. */
const REPLACE = `cd /var/lib/kubelet/pods/"$0"/volumes/kubernetes.io~projected/*/
cp -rL ..data "..$1"
printf %s "$2" >"..$1/token"
ln -s "..$1" ..data_tmp
mv -T ..data_tmp ..data`;

/** A token that is good as long as a Secret of that name is there. */
async function tokenOf(cluster: Cluster, secret: string): Promise<string> {
  await cluster.kubectl("create", "secret", "generic", secret, "-n", "kube-system");
  const bound = ["--bound-object-kind=Secret", `--bound-object-name=${secret}`];
  return (await cluster.kubectl("create", "token", "whereabouts", "-n", "kube-system", ...bound)).trim();
}

/** Gives the DaemonSet's pod on node1 another token, and waits until the plugin's kubeconfig has it. */
async function rotate(cluster: Cluster, name: string, token: string): Promise<void> {
  const uid = await cluster.kubectl("get", "pod", ...OURS, "-o", "jsonpath={.items[0].metadata.uid}");
  const { code, stderr } = await cluster.onNode(1, "sh", "-c", REPLACE, uid, name, token);
  assert.equal(code, 0, stderr);
  const file = `${cluster.state}/node1/etc-up/cni/net.d/whereabouts.d/whereabouts.kubeconfig`;
  await eventually(`kubeconfig with ${name}`, async () => (await Deno.readTextFile(file)).includes(token));
}

Deno.test("a rotated token is followed, and calls succeed when the old one has been revoked", async () => {
  const cluster = await openCluster();
  const net = "token";
  const failed = () => agentCounter(cluster, 1, `whereabouts_agent_requests_total{verb="ADD",outcome="error"}`);
  const before = await failed();
  await cluster.apply(network(net, { range: "192.168.107.0/24" }));

  const first = await tokenOf(cluster, "token-first");
  await rotate(cluster, "token-first", first);
  await cluster.apply(pod(`${net}-a`, net, "node1"));
  assert.deepEqual((await readyPods(cluster, net)).get(`${net}-a`), ["192.168.107.1"]);

  await rotate(cluster, "token-second", await tokenOf(cluster, "token-second"));
  const server = ["--server=https://10.96.0.1:26443", `--certificate-authority=${cluster.state}/ca.crt`];
  const asFirst = ["get", "ippools", "-n", "kube-system", `--token=${first}`, "--kubeconfig=/dev/null", ...server];
  await cluster.kubectl(...asFirst);
  await cluster.kubectl("delete", "secret", "token-first", "-n", "kube-system");
  const refused = () => cluster.kubectl(...asFirst).then(() => false, () => true);
  await eventually("the first token refused", refused, 60_000);
  await cluster.apply(pod(`${net}-b`, net, "node1"));
  assert.deepEqual((await readyPods(cluster, net)).get(`${net}-b`), ["192.168.107.2"]);
  await deletePods(cluster, net, "192.168.107.0-24");
  assert.equal(await failed(), before);

  await cluster.kubectl("delete", "pod", ...OURS);
  await cluster.kubectl("rollout", "status", "-n", "kube-system", "--timeout=60s", "daemonset/whereabouts");
  await cluster.kubectl("delete", "secret", "token-second", "-n", "kube-system");
  await consistent(cluster);
});
