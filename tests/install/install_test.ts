import assert from "node:assert/strict";
import { followCredentials, install, uninstall } from "../../src/install/install.ts";
import { readSettings } from "../../src/install/settings.ts";
import { SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const KUBECONFIG = "/net.d/whereabouts.d/whereabouts.kubeconfig";
const ENV = {
  CNI_BIN_DIR: "/bin",
  CNI_CONF_DIR: "/net.d",
  KUBERNETES_SERVICE_HOST: "10.96.0.1",
  KUBERNETES_SERVICE_PORT: "443",
  WHEREABOUTS_NAMESPACE: "kube-system",
  NODENAME: "node1",
};

function start(files: Record<string, string> = { [`${ACCOUNT}/token`]: "one\n", [`${ACCOUNT}/ca.crt`]: "CA" }) {
  const world = memoryWorld({ files, env: ENV, folders: ["/bin", "/net.d"] });
  const installSelf = (path: string) => Promise.resolve(void world.files.set(path, "program"));
  return { world, platform: { installSelf }, settings: readSettings((name) => world.env(name), {}) };
}

function tokenOf(text: unknown): string {
  return JSON.parse(String(text)).users[0].user.token;
}

Deno.test("install writes everything, the plugin last, and uninstall takes it away and nothing else", async () => {
  const { world, platform, settings } = start();
  const before = [...world.files.keys()];
  await install(world, platform, settings, SILENT);
  const added = [...world.files.keys()].filter((path) => !before.includes(path));
  assert.equal(added.at(-1), "/bin/whereabouts");
  assert.deepEqual(added.slice(0, -1).sort(), [
    "/net.d/whereabouts.d/nodename",
    "/net.d/whereabouts.d/whereabouts.conf",
    KUBECONFIG,
  ]);
  assert.equal(tokenOf(world.files.get(KUBECONFIG)), "one");
  assert.deepEqual([...await uninstall(world, settings)].sort(), added.sort());
  assert.deepEqual([...world.files.keys()], before);
  assert.deepEqual(await uninstall(world, settings), []);
});

Deno.test("uninstall takes away what killed processes left, and leaves what others put beside it", async () => {
  const { world, platform, settings } = start();
  const before = [...world.files.keys()];
  await install(world, platform, settings, SILENT);
  const unfinished = "3b241101-e2bb-4255-8caf-4136c566a962.tmp";
  const left = [
    `/bin/.whereabouts.${unfinished}`,
    "/bin/whereabouts (deleted)",
    `${KUBECONFIG}.${unfinished}`,
    "/run/whereabouts/agent.sock",
    "/run/whereabouts/locks/pool-10.0.0.0-24",
  ];
  const foreign = ["/bin/macvlan", `/bin/.macvlan.${unfinished}`, "/net.d/00-multus.conf", "/run/multus/socket"];
  for (const path of [...left, ...foreign]) world.files.set(path, "");
  const removed = await uninstall(world, settings);
  for (const path of left) assert.ok(removed.includes(path), path);
  assert.deepEqual([...world.files.keys()].sort(), [...before, ...foreign].sort());
});

Deno.test("install goes on without a token: the plugin may not need one", async () => {
  const { world, platform, settings } = start({});
  assert.equal(await install(world, platform, settings, SILENT), undefined);
  assert.equal(world.files.has(KUBECONFIG), false);
  assert.equal(world.files.get("/bin/whereabouts"), "program");
});

Deno.test("followCredentials writes the kubeconfig anew when token or CA change, and survives their absence", async () => {
  const { world, platform, settings } = start();
  const written = await install(world, platform, settings, SILENT);
  const stop = new AbortController();
  const following = followCredentials(world, settings, SILENT, written, stop.signal);
  world.files.set(KUBECONFIG, "untouched");
  await world.advance(3_000);
  assert.equal(world.files.get(KUBECONFIG), "untouched");
  world.files.delete(`${ACCOUNT}/token`);
  await world.advance(2_000);
  assert.equal(world.files.get(KUBECONFIG), "untouched");
  world.files.set(`${ACCOUNT}/token`, "two");
  await world.advance(1_000);
  assert.equal(tokenOf(world.files.get(KUBECONFIG)), "two");
  world.files.set(`${ACCOUNT}/ca.crt`, "CA2");
  await world.advance(1_000);
  const { cluster } = JSON.parse(String(world.files.get(KUBECONFIG))).clusters[0];
  assert.equal(cluster["certificate-authority-data"], btoa("CA2"));
  stop.abort();
  await following;
});

Deno.test("followCredentials tells a failure once, and writes when it is over", async () => {
  const { world, platform, settings } = start();
  const written = await install(world, platform, settings, SILENT);
  const told: string[] = [];
  const stop = new AbortController();
  const log = { ...SILENT, error: (message: string) => void told.push(message) };
  const following = followCredentials(world, settings, log, written, stop.signal);
  world.files.set(`${ACCOUNT}/token`, "two");
  world.files.set(KUBECONFIG, new Error("No space left"));
  await world.advance(3_000);
  assert.deepEqual(told, ["Cannot write the kubeconfig"]);
  world.files.set(KUBECONFIG, "");
  await world.advance(1_000);
  assert.equal(tokenOf(world.files.get(KUBECONFIG)), "two");
  stop.abort();
  await following;
});
