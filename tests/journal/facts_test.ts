import assert from "node:assert/strict";
import type { Datastore } from "../../src/config/types.ts";
import { recordedConf, recordedStore, sameStore } from "../../src/journal/facts.ts";

const ETCD: Datastore = {
  kind: "etcd",
  hosts: ["https://a:2379"],
  prefix: "/w",
  username: "root",
  password: "hunter2",
};

Deno.test("recordedConf keeps what a release needs, without secrets", () => {
  const ipam = { type: "whereabouts", range: "10.0.0.0/24", etcd_username: "root", ETCD_Password: "hunter2" };
  const conf = { cniVersion: "1.0.0", name: "n", type: "macvlan", master: "eth0", prevResult: {}, ipam };
  const { conf: text, withoutSecret } = recordedConf(conf);
  assert.deepEqual(JSON.parse(text), {
    cniVersion: "1.0.0",
    name: "n",
    ipam: { type: "whereabouts", range: "10.0.0.0/24", etcd_username: "root" },
  });
  assert.equal(withoutSecret, true);
});

Deno.test("recordedConf reports no missing secret if no release needs it", () => {
  const { conf, withoutSecret } = recordedConf({
    name: "n",
    ipam: { Range: "10.0.0.0/24", my: { apiToken: "hunter2" }, etcd_pasword: "hunter2", dns: { token: "hunter2" } },
  });
  assert.deepEqual(JSON.parse(conf), { name: "n", ipam: { Range: "10.0.0.0/24", dns: {} } });
  assert.equal(withoutSecret, false);
});

Deno.test("recordedStore omits the password, and sameStore ignores it", () => {
  const store = recordedStore(ETCD);
  assert.equal(JSON.stringify(store).includes("hunter2"), false);
  assert.equal(sameStore(store, ETCD), true);
  assert.equal(sameStore(store, { ...ETCD, password: "other" }), true);
  assert.equal(sameStore(store, { ...ETCD, prefix: "/x" }), false);
  assert.equal(sameStore({ kind: "embedded", path: "/a" }, { path: "/a", kind: "embedded" }), true);
  assert.equal(sameStore({ kind: "embedded", path: "/a" }, { kind: "kubernetes", kubeconfig: "/a" }), false);
  const kube = { kind: "kubernetes", kubeconfig: "/a" } as const;
  assert.equal(sameStore({ ...kube, confinedTo: ["/etc/cni"] }, { ...kube, confinedTo: ["/etc/cni", "/opt"] }), true);
});
