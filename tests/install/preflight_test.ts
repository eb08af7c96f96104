import assert from "node:assert/strict";
import { markNodeLocal } from "../../src/config/node_local.ts";
import { preflight } from "../../src/install/preflight.ts";
import { readSettings } from "../../src/install/settings.ts";
import { memoryWorld } from "../support/world.ts";

const ENV = { CNI_BIN_DIR: "/bin", CNI_CONF_DIR: "/net.d", WHEREABOUTS_NAMESPACE: "kube-system", NODENAME: "node1" };

Deno.test("preflight finds no problem in a valid environment, and leaves no file", async () => {
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

Deno.test("preflight reports missing and read-only folders, and missing settings", async () => {
  const files = { "/net.d/.whereabouts-preflight": new Error("Read-only file system") };
  const world = memoryWorld({ files, env: { CNI_BIN_DIR: "/bin", CNI_CONF_DIR: "/net.d" } });
  const settings = readSettings((name) => world.env(name), {});
  const findings = await preflight(world, settings, () => Promise.resolve([]));
  assert.deepEqual(findings.map(({ problem }) => problem?.split(":")[0]), [
    "Folder not found",
    "Not writable",
    "Not set",
    "Not set",
  ]);
});

Deno.test("preflight warns about an embedded store that pods of a cluster use", async () => {
  const world = memoryWorld({ env: ENV, folders: ["/bin", "/net.d"] });
  await markNodeLocal(world, { database: "/db", network: "net", pod: "default/web-0" });
  const settings = readSettings((name) => world.env(name), {});
  const [found, ...more] = (await preflight(world, settings, () => Promise.resolve([]))).filter((one) => one.problem);
  assert.deepEqual(more, []);
  assert.deepEqual([found?.what, found?.warning], ["Node-local database /db", true]);
  assert.match(found?.problem ?? "", /other nodes may allocate the same addresses/);
});
