import assert from "node:assert/strict";
import { unreadPersistence } from "../../src/config/persistence.ts";
import { loadExactly, refuses } from "./support.ts";

const IPAM = { type: "whereabouts", kubernetes: { kubeconfig: "/k" }, range: "10.0.0.0/24" };

async function persistence(fields: Record<string, unknown>): Promise<unknown> {
  const { config: { persistentIps, sticky, preferredIp }, warnings } = await loadExactly({ ...IPAM, ...fields });
  assert.deepEqual(warnings, []);
  return { persistentIps, sticky, preferredIp };
}

Deno.test("parsePersistence reads which objects keep addresses, by both spellings, and is off by default", async () => {
  const off = { persistentIps: undefined, sticky: undefined, preferredIp: undefined };
  assert.deepEqual(await persistence({}), off);
  assert.deepEqual(await persistence({ allow_persistent_ips: false, preferred_ip: false, sticky: "" }), off);
  assert.deepEqual(await persistence({ allow_persistent_ips: true }), { ...off, persistentIps: true });
  assert.deepEqual(await persistence({ allowPersistentIPs: true }), { ...off, persistentIps: true });
  assert.deepEqual(await persistence({ sticky: "statefulset" }), { ...off, sticky: "statefulset" });
  assert.deepEqual(await persistence({ preferred_ip: true }), { ...off, preferredIp: true });
});

Deno.test("parsePersistence refuses unknown owners, stores without pods, and slices of nodes", async () => {
  await refuses(loadExactly({ ...IPAM, sticky: "deployment" }), "ipam.sticky", '"deployment"', '"statefulset"');
  for (const setting of [{ allow_persistent_ips: true }, { sticky: "statefulset" }, { preferred_ip: true }]) {
    const [key = ""] = Object.keys(setting);
    const embedded = { type: "whereabouts", datastore: "embedded", range: "10.0.0.0/24", ...setting };
    await refuses(loadExactly(embedded), `ipam.${key}`, "embedded", "expected kubernetes");
    const { config } = await loadExactly(embedded, { purpose: "release" });
    assert.equal(config.datastore.kind, "embedded", "what was allocated before is released");
  }
  for (const setting of [{ allowPersistentIPs: true }, { sticky: "statefulset" }]) {
    const sliced = { ...IPAM, node_slice_size: "/26", ...setting };
    await refuses(loadExactly(sliced), `ipam.${Object.keys(setting)[0]}`, "node_slice_size");
  }
  await loadExactly({ ...IPAM, node_slice_size: "/26", preferred_ip: true });
});

Deno.test("unreadPersistence names a key that stands only where KubeVirt reads it", () => {
  const list = { name: "net", allowPersistentIPs: true, plugins: [] };
  assert.match(unreadPersistence(list, {})[0] ?? "", /allowPersistentIPs has no effect outside of ipam/);
  assert.deepEqual(unreadPersistence(list, { persistentIps: true }), []);
  for (const other of [{ ...list, allowPersistentIPs: false }, { name: "net" }, null, "net"]) {
    assert.deepEqual(unreadPersistence(other, {}), []);
  }
});

Deno.test("parsePersistence accepts a definition without a store where it is inspected: the flat files of nodes may name it", async () => {
  const unnamed = { type: "whereabouts", range: "10.0.0.0/24", allow_persistent_ips: true };
  const { config } = await loadExactly(unnamed, { purpose: "inspect" });
  assert.equal(config.persistentIps, true);
});
