import assert from "node:assert/strict";
import { binary, callPlugin } from "../support/binary.ts";
import { eventually, type Finished, freePort, isThere, run, Server } from "../support/process.ts";
import { makeNode } from "./node.ts";

const PROGRAM = await binary();

/** Calls the installed plugin with a network that has only a range. */
function addTo(root: string, verb: string, pod: string, socket?: string) {
  const ipam = {
    type: "whereabouts",
    range: "10.72.0.0/24",
    configuration_path: `${root}/net.d/whereabouts.d`,
  };
  const conf = { cniVersion: "1.0.0", name: "net", ipam };
  return callPlugin(`${root}/bin/whereabouts`, {
    verb,
    conf,
    containerId: `c-${pod}`,
    pod,
    ...(socket !== undefined && { socket }),
  });
}

async function modeOf(path: string): Promise<string> {
  return (((await Deno.stat(path)).mode ?? 0) & 0o777).toString(8);
}

Deno.test("install --once installs a working plugin while another one runs, and --uninstall removes everything", async () => {
  await using node = await makeNode(PROGRAM);
  const { root, own } = node;
  for (let round = 0; round < 2; round++) {
    const { code, stderr } = await node.whereabouts("install", "--once");
    assert.equal(code, 0, stderr);
  }
  assert.deepEqual([...Deno.readDirSync(`${root}/bin`)].map(({ name }) => name), ["whereabouts"]);
  assert.equal(await modeOf(`${root}/bin/whereabouts`), "755");
  const names = [...Deno.readDirSync(own)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["nodename", "whereabouts.conf", "whereabouts.kubeconfig"]);
  for (const name of names) assert.equal(await modeOf(`${own}/${name}`), "600");
  const added = await addTo(root, "ADD", "web-0");
  assert.equal(added.code, 0, added.stdout);
  assert.equal(JSON.parse(added.stdout).ips[0].address, "10.72.0.1/24");
  assert.equal((await addTo(root, "DEL", "web-0")).code, 0);
  const removed = await node.whereabouts("install", "--uninstall");
  assert.equal(removed.code, 0, removed.stderr);
  assert.match(removed.stdout, /\/var\/lib\/cni\/whereabouts/);
  assert.deepEqual([...Deno.readDirSync(`${root}/bin`), ...Deno.readDirSync(`${root}/net.d`)], []);
});

Deno.test("install survives another one that ends while it keeps the former plugin", async () => {
  await using node = await makeNode(PROGRAM);
  assert.equal((await node.whereabouts("install", "--once")).code, 0);
  const kept = `${node.root}/bin/whereabouts (deleted)`;
  const first = node.whereabouts("install", "--once");
  await eventually("the first one keeps the former plugin", () => isThere(kept));
  await new Promise((resolve) => setTimeout(resolve, 500)); // the first ends while the second keeps the former plugin
  const second = node.whereabouts("install", "--once");
  for (const { code, stderr } of await Promise.all([first, second])) assert.equal(code, 0, stderr);
  assert.deepEqual([...Deno.readDirSync(`${node.root}/bin`)].map(({ name }) => name), ["whereabouts"]);
});

Deno.test("install replaces a plugin during constant calls, none of which fails", async () => {
  await using node = await makeNode(PROGRAM);
  const plugin = `${node.root}/bin/whereabouts`;
  assert.equal((await node.whereabouts("install", "--once")).code, 0);
  const failed: Finished[] = [];
  let installing = true;
  let calls = 0;
  const caller = async () => {
    for (; installing; calls++) {
      const answer = await run([plugin], { env: { CNI_COMMAND: "VERSION" }, clearEnv: true });
      if (answer.code !== 0) failed.push(answer);
    }
  };
  const callers = Promise.all([caller(), caller(), caller(), caller()]);
  for (let round = 0; round < 8; round++) {
    const { code, stderr } = await node.whereabouts("install", "--once");
    assert.equal(code, 0, stderr);
  }
  installing = false;
  await callers;
  assert.deepEqual(failed, [], `of ${calls} calls`);
  assert.ok(calls > 100, `${calls} calls`);
  assert.deepEqual([...Deno.readDirSync(`${node.root}/bin`)].map(({ name }) => name), ["whereabouts"]);
});

Deno.test("install --agent serves the plugin, follows a new token, and ends on a signal", async () => {
  await using node = await makeNode(PROGRAM);
  const { root, own } = node;
  const socket = `${root}/run/agent.sock`;
  {
    await using server = new Server(
      [PROGRAM, "install", "--agent", "--socket", socket],
      `${root}/log`,
      node.env,
    );
    await server.ready("the installer with its agent", () => isThere(socket));
    const added = await addTo(root, "ADD", "web-0", socket);
    assert.equal(added.code, 0, added.stdout);
    await Deno.writeTextFile(`${node.account}/token`, "rotated");
    await eventually("the new token in the kubeconfig", async () => {
      const config = JSON.parse(await Deno.readTextFile(`${own}/whereabouts.kubeconfig`));
      return config.users[0].user.token === "rotated";
    });
    Deno.kill(server.pid, "SIGTERM");
    await eventually("the socket is removed", () => Deno.stat(socket).then(() => false, () => true));
  }
  assert.equal((await Deno.stat(`${root}/bin/whereabouts`)).isFile, true);
});

Deno.test("install --agent waits for the agent of a force-deleted pod, and takes over when it ends", async () => {
  await using node = await makeNode(PROGRAM);
  const socket = `${node.root}/run/agent.sock`;
  const http = `127.0.0.1:${freePort()}`;
  const start = (log: string) =>
    new Server([PROGRAM, "install", "--agent", "--socket", socket, "--http-address", http], log, node.env);
  await using former = start(`${node.root}/former.log`);
  await former.ready("the former agent", () => isThere(socket));
  await using latter = start(`${node.root}/latter.log`);
  const logged = (what: string) => async () => (await Deno.readTextFile(`${node.root}/latter.log`)).includes(what);
  await eventually("a log of the new agent", () => isThere(`${node.root}/latter.log`));
  await latter.ready("the new agent waits", logged("Waiting for another agent to stop"));
  const added = async (pod: string) => {
    const { code, stdout, stderr } = await addTo(node.root, "ADD", pod, socket);
    assert.deepEqual([code, stderr], [0, ""], stdout);
  };
  await added("web-0");
  Deno.kill(former.pid, "SIGTERM");
  await latter.ready("the new agent listens", logged("Agent listens"));
  await added("web-1");
});

Deno.test("install --check lists all checks, and fails if one has a problem", async () => {
  await using node = await makeNode(PROGRAM);
  const good = await node.whereabouts("install", "--check", "--kubeconfig", node.kube.kubeconfig);
  assert.equal(good.code, 0, good.stdout + good.stderr);
  const json = await node.whereabouts("install", "--check", "--json", "--kubeconfig", node.kube.kubeconfig);
  assert.equal(
    JSON.parse(json.stdout).some(({ what }: { what: string }) => what.startsWith("Resource ippools.")),
    true,
  );
  assert.match(good.stdout, /^ok +Resource ippools\.whereabouts\.cni\.cncf\.io/m);
  const bad = await node.whereabouts("install", "--check", "--kubeconfig", "/nowhere", "--bin-dir", "/nowhere");
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /^MISSING +CNI_BIN_DIR \/nowhere +Folder not found/m);
  assert.match(bad.stdout, /^MISSING +Kubernetes API/m);
});

Deno.test("install --check on a node checks the folders of the node, as the plugin reads them", async () => {
  await using node = await makeNode(PROGRAM);
  const { root, own } = node;
  assert.equal((await node.whereabouts("install", "--once")).code, 0);
  const onNode = (env: Record<string, string>, ...args: string[]) =>
    run([PROGRAM, "install", "--check", ...args], { env, clearEnv: true });
  const folders = ["--bin-dir", `${root}/bin`, "--conf-dir", `${root}/net.d`];
  const good = await onNode({}, ...folders);
  assert.equal(good.code, 0, good.stdout + good.stderr);
  for (
    const what of [`Plugin ${root}/bin/whereabouts`, `Kubeconfig ${own}/whereabouts.kubeconfig`, "Node name node1"]
  ) {
    assert.match(good.stdout, new RegExp(`^ok +${what}$`, "m"));
  }
  assert.match(good.stdout, new RegExp(`^ok +Permission for ippools in namespace ${node.kube.namespace}$`, "m"));
  const wrong = await onNode({ KUBECONFIG: "/nowhere" }, ...folders);
  assert.match(wrong.stdout, /^MISSING +Kubernetes API +.*"\/nowhere": file not found/m);
  assert.equal(wrong.code, 1);
  await Deno.remove(`${own}/whereabouts.kubeconfig`);
  const removed = await onNode({}, ...folders);
  assert.match(removed.stdout, /^MISSING +Kubeconfig .*DaemonSet whereabouts restores it/m);
  const elsewhere = await onNode({});
  assert.doesNotMatch(elsewhere.stdout, /CNI_BIN_DIR|\/host\/opt/);
});
