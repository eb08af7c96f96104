import assert from "node:assert/strict";
import { install, keepInstalled, uninstall } from "../../src/install/install.ts";
import { readSettings } from "../../src/install/settings.ts";
import { SILENT } from "../../src/world/log.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const KUBECONFIG = "/net.d/whereabouts.d/whereabouts.kubeconfig";
const FLAT = "/net.d/whereabouts.d/whereabouts.conf";
const NODENAME = "/net.d/whereabouts.d/nodename";
const OPERATOR = "/etc/whereabouts/whereabouts.conf";
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

Deno.test("install writes all files, the plugin last, and uninstall removes them and no others", async () => {
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

Deno.test("uninstall removes files of killed processes, and keeps those of other programs", async () => {
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

Deno.test("install continues without a token, which the plugin may not need", async () => {
  const { world, platform, settings } = start({});
  const written = await install(world, platform, settings, SILENT);
  assert.deepEqual([...written.keys()], [FLAT, NODENAME]);
  assert.equal(world.files.has(KUBECONFIG), false);
  assert.equal(world.files.get("/bin/whereabouts"), "program");
});

/** Runs keepInstalled while a test changes files. */
async function kept(
  work: (node: { readonly world: MemoryWorld; readonly logged: string[] }) => Promise<void>,
  files?: Record<string, string>,
): Promise<void> {
  const { world, platform, settings } = start(files);
  const written = await install(world, platform, settings, SILENT);
  const logged: string[] = [];
  const stop = new AbortController();
  const log = { ...SILENT, error: (message: string) => void logged.push(message) };
  const keeping = keepInstalled(world, platform, settings, log, written, stop.signal);
  try {
    await work({ world, logged });
  } finally {
    stop.abort();
    await keeping;
  }
}

Deno.test("keepInstalled writes the kubeconfig when token or CA change, and survives their absence", () =>
  kept(async ({ world }) => {
    world.files.delete(`${ACCOUNT}/token`);
    await world.advance(2_000);
    assert.equal(tokenOf(world.files.get(KUBECONFIG)), "one");
    world.files.set(`${ACCOUNT}/token`, "two");
    await world.advance(1_000);
    assert.equal(tokenOf(world.files.get(KUBECONFIG)), "two");
    world.files.set(`${ACCOUNT}/ca.crt`, "CA2");
    await world.advance(1_000);
    const { cluster } = JSON.parse(String(world.files.get(KUBECONFIG))).clusters[0];
    assert.equal(cluster["certificate-authority-data"], btoa("CA2"));
  }));

Deno.test("keepInstalled restores removed and truncated files within seconds, also without a token", () =>
  kept(async ({ world, logged }) => {
    const paths = [KUBECONFIG, FLAT, NODENAME, "/bin/whereabouts"];
    const installed = new Map(paths.map((path) => [path, world.files.get(path)]));
    for (const token of ["one\n", undefined]) {
      if (token === undefined) world.files.delete(`${ACCOUNT}/token`);
      for (const path of paths) {
        const whole = String(installed.get(path));
        for (const damage of [undefined, "", "\n", whole.slice(0, whole.length / 2)]) {
          if (path === "/bin/whereabouts" && damage !== undefined) continue;
          if (damage === undefined) world.files.delete(path);
          else world.files.set(path, damage);
          await world.advance(1_000);
          assert.equal(world.files.get(path), whole, `${path} after ${JSON.stringify(damage)}`);
        }
      }
      for (const path of paths) world.files.delete(path);
      await world.advance(1_000);
      for (const path of paths) assert.equal(world.files.get(path), installed.get(path), path);
    }
    assert.deepEqual(logged, []);
  }));

Deno.test("keepInstalled keeps a file of another pod of the DaemonSet until its own text changes", () =>
  kept(async ({ world }) => {
    const other = String(world.files.get(KUBECONFIG)).replace("one", "successor");
    world.files.set(KUBECONFIG, other);
    await world.advance(3_000);
    assert.equal(world.files.get(KUBECONFIG), other);
    world.files.set(`${ACCOUNT}/token`, "two");
    await world.advance(1_000);
    assert.equal(tokenOf(world.files.get(KUBECONFIG)), "two");
  }));

Deno.test("keepInstalled logs a failure once, and writes when it has ended", () =>
  kept(async ({ world, logged }) => {
    world.files.set(`${ACCOUNT}/token`, "two");
    world.files.set(KUBECONFIG, new Error("No space left"));
    await world.advance(3_000);
    assert.deepEqual(logged, ["Could not update installed files; retrying"]);
    world.files.set(KUBECONFIG, "");
    await world.advance(1_000);
    assert.equal(tokenOf(world.files.get(KUBECONFIG)), "two");
  }));

Deno.test("keepInstalled follows changed fields of the operator, and keeps the last valid ones while they are invalid", () => {
  const account = { [`${ACCOUNT}/token`]: "one\n", [`${ACCOUNT}/ca.crt`]: "CA" };
  const flat = (world: MemoryWorld) => JSON.parse(String(world.files.get(FLAT)));
  return kept(async ({ world, logged }) => {
    const { enable_overlapping_ranges: overlapping, kubernetes, datastore } = flat(world);
    assert.deepEqual([overlapping, datastore], [false, "kubernetes"]);
    assert.deepEqual(kubernetes, { kubeconfig: "/net.d/whereabouts.d/whereabouts.kubeconfig" });
    world.files.set(OPERATOR, '{"node_slice_size": "/26"}');
    await world.advance(1_000);
    assert.deepEqual([flat(world).enable_overlapping_ranges, flat(world).node_slice_size], [undefined, "/26"]);
    for (const invalid of ["{", "[]", '{"node_slice_size": 26}']) {
      world.files.set(OPERATOR, invalid);
      world.files.delete(FLAT);
      await world.advance(2_000);
      assert.equal(flat(world).node_slice_size, "/26", invalid);
    }
    assert.ok(logged.length > 0);
    world.files.set(`${ACCOUNT}/token`, "two");
    await world.advance(1_000);
    assert.equal(tokenOf(world.files.get(KUBECONFIG)), "two", "a rotated token is still written");
    world.files.delete(OPERATOR);
    await world.advance(1_000);
    assert.equal(flat(world).node_slice_size, undefined);
  }, { ...account, [OPERATOR]: '{"enable_overlapping_ranges": false}' });
});

Deno.test("install reports an invalid flat file of the operator before it writes anything", async () => {
  for (const [text, part] of [["{", "parse"], ['{"exclude_gateway": "no"}', "exclude_gateway"]] as const) {
    const { world, platform, settings } = start({ [OPERATOR]: text });
    const before = [...world.files.keys()];
    await assert.rejects(install(world, platform, settings, SILENT), (error: Error) => {
      return error.message.includes(OPERATOR) && error.message.includes(part);
    });
    assert.deepEqual([...world.files.keys()], before);
  }
});
