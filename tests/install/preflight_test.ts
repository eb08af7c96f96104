import assert from "node:assert/strict";
import { markNodeLocal } from "../../src/config/node_local.ts";
import { preflight } from "../../src/install/preflight.ts";
import { readSettings } from "../../src/install/settings.ts";
import { memoryWorld } from "../support/world.ts";

const ENV = { CNI_BIN_DIR: "/bin", CNI_CONF_DIR: "/net.d", WHEREABOUTS_NAMESPACE: "kube-system", NODENAME: "node1" };

Deno.test("preflight finds nothing where all is well, and leaves nothing", async () => {
  const world = memoryWorld({ env: ENV, folders: ["/bin", "/net.d"] });
  const settings = readSettings((name) => world.env(name), {});
  const findings = await preflight(world, settings, () => Promise.resolve([{ what: "Kubernetes API" }]));
  assert.deepEqual(findings.map(({ what, problem }) => [what, problem]), [
    ["CNI_BIN_DIR /bin", undefined],
    ["CNI_CONF_DIR /net.d", undefined],
    ["WHEREABOUTS_NAMESPACE kube-system", undefined],
    ["NODENAME node1", undefined],
    ["Kubernetes API", undefined],
  ]);
  assert.equal(world.files.size, 0);
});

Deno.test("preflight names folders that are missing or read-only, and settings that are not there", async () => {
  const files = { "/net.d/.whereabouts-preflight": new Error("Read-only file system") };
  const world = memoryWorld({ files, env: { CNI_BIN_DIR: "/bin", CNI_CONF_DIR: "/net.d" } });
  const settings = readSettings((name) => world.env(name), {});
  const findings = await preflight(world, settings, () => Promise.resolve([]));
  assert.deepEqual(findings.map(({ problem }) => problem?.split(":")[0]), [
    "No such folder",
    "Cannot be written",
    "Not set",
    "Not set",
  ]);
});

Deno.test("preflight warns of an embedded store that pods of the cluster use", async () => {
  const world = memoryWorld({ env: ENV, folders: ["/bin", "/net.d"] });
  await markNodeLocal(world, { database: "/db", network: "net", pod: "default/web-0" });
  const settings = readSettings((name) => world.env(name), {});
  const [found, ...more] = (await preflight(world, settings, () => Promise.resolve([]))).filter((one) => one.problem);
  assert.deepEqual(more, []);
  assert.deepEqual([found?.what, found?.warning], ["Node-local database /db", true]);
  assert.match(found?.problem ?? "", /other nodes may give the same ones/);
});
