/**
 * The binary under the names of the original's programs.
 *
 * @module
 */
import assert from "node:assert/strict";
import { makeNode } from "../cli/node.ts";
import { put } from "../drivers/kubernetes/live.ts";
import { binary } from "../support/binary.ts";
import { makeKube } from "../support/kube.ts";
import { Objects } from "../support/objects.ts";
import { eventually, isThere, run, Server } from "../support/process.ts";

const PROGRAM = await binary();

/** Makes a link to the binary in a folder. */
async function linkIn(folder: string, name: string): Promise<string> {
  await Deno.symlink(PROGRAM, `${folder}/${name}`);
  return `${folder}/${name}`;
}

Deno.test("install-cni.sh with SLEEP=false installs once; token-watcher.sh follows the token whatever SLEEP is", async () => {
  await using node = await makeNode(PROGRAM);
  const env = { ...node.env, SLEEP: "false" };
  const installed = await run([await linkIn(node.root, "install-cni.sh")], { env, clearEnv: true });
  assert.equal(installed.code, 0, installed.stderr);
  const kubeconfig = `${node.own}/whereabouts.kubeconfig`;
  for (
    const path of [`${node.root}/bin/whereabouts`, kubeconfig, `${node.own}/whereabouts.conf`, `${node.own}/nodename`]
  ) {
    assert(await isThere(path), path);
  }
  const log = `${node.root}/watcher.log`;
  await using _watcher = new Server([await linkIn(node.root, "token-watcher.sh")], log, env);
  await logged(log, "Installed plugin");
  await Deno.writeTextFile(`${node.account}/token`, "rotated");
  await eventually("the new token in the kubeconfig", async () => {
    const config = JSON.parse(await Deno.readTextFile(kubeconfig));
    return config.users[0].user.token === "rotated";
  });
});

Deno.test("node-slice-controller leads, ip-reconciler with a kubeconfig sweeps once, and ip-control-loop requires a pod", async () => {
  await using kube = await makeKube();
  using objects = new Objects(kube);
  await objects.installAttachments();
  // a pool in this namespace: without one, the sweep fails because other tests have pools in theirs
  await objects.pod("web", { ips: ["10.97.0.1"] });
  const owner = { podref: objects.ref("web"), ifname: "net1" };
  await put(kube, "IPPool", "10.97.0.0-24", { range: "10.97.0.0/24", allocations: { 1: { id: "c", ...owner } } });
  await put(kube, "OverlappingRangeIPReservation", "10.97.0.1", owner);
  const folder = await Deno.makeTempDir({ prefix: "old-names-" });
  const env = { WHEREABOUTS_NAMESPACE: kube.namespace };
  const log = `${folder}/controller.log`;
  const controller = [await linkIn(folder, "node-slice-controller"), "-kubeconfig", kube.kubeconfig, "-v", "4"];
  await using _controller = new Server(controller, log, env);
  await logged(log, "Started leading");
  assert.match(await Deno.readTextFile(log), /msg="Ignored a flag" name=node-slice-controller flag=-v /);
  const reconciler = [await linkIn(folder, "ip-reconciler"), `-kubeconfig=${kube.kubeconfig}`, "-log-level=verbose"];
  const once = await run(reconciler, { env });
  assert.deepEqual([once.code, /^Nothing to free$/m.test(once.stdout)], [0, true], once.stderr);
  const loop = await run([await linkIn(folder, "ip-control-loop"), "-log-level", "debug"], { env });
  assert.equal(loop.code, 1);
  assert.match(loop.stderr, /kubeconfig is not configured, and this process does not run in a pod/);
  await Deno.remove(folder, { recursive: true });
});

/** Waits for a text in a log file. */
async function logged(path: string, text: string): Promise<void> {
  await eventually(text, async () => (await Deno.readTextFile(path).catch(() => "")).includes(text));
}
