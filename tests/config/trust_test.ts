import assert from "node:assert/strict";
import { loadConfig, type LoadInput } from "../../src/config/load.ts";
import { ForbiddenPathError, ForbiddenStoreError } from "../../src/config/trust.ts";
import { ConfigError } from "../../src/config/types.ts";
import { memoryWorld, type MemoryWorldOptions } from "../support/world.ts";

const FLAT = "/etc/cni/net.d/whereabouts.d/whereabouts.conf";
const BASE = { type: "whereabouts", range: "10.0.0.0/24" };

function load(
  ipam: Record<string, unknown>,
  { flat, files = {}, env = {}, ...more }: MemoryWorldOptions & Partial<LoadInput> & { readonly flat?: unknown } = {},
) {
  const all = { ...(flat !== undefined && { [FLAT]: JSON.stringify(flat) }), ...files };
  const world = memoryWorld({
    files: all,
    env: { WHEREABOUTS_ALLOW_PATHS: "", ...env },
    folders: ["/etc/cni/net.d/whereabouts.d", "/var/log", "/opt/w"],
  });
  return loadConfig(world, { conf: { name: "net", ipam: { ...BASE, ...ipam } }, ...more });
}

/** Every field with a path, the fields that set it, an allowed path and a forbidden one. */
const PATHS:
  readonly (readonly [field: string, of: (path: string) => Record<string, unknown>, good: string, bad: string])[] = [
    [
      "ipam.kubernetes.kubeconfig",
      (kubeconfig) => ({ kubernetes: { kubeconfig } }),
      "/etc/cni/net.d/kc",
      "/root/.kube/config",
    ],
    [
      "ipam.etcd_ca_cert_file",
      (path) => ({ etcd_host: "h:1", etcd_ca_cert_file: path }),
      "/etc/cni/ca.crt",
      "/etc/ssl/ca.crt",
    ],
    [
      "ipam.etcd_cert_file",
      (path) => ({ etcd_host: "h:1", etcd_cert_file: path, etcd_key_file: "/etc/cni/key" }),
      "/etc/cni/crt",
      "/etc/kubernetes/pki/etcd.crt",
    ],
    [
      "ipam.etcd_key_file",
      (path) => ({ etcd_host: "h:1", etcd_cert_file: "/etc/cni/crt", etcd_key_file: path }),
      "/var/lib/rancher/k3s/agent/etc/cni/net.d/key",
      "/etc/cni/../kubernetes/pki/etcd.key",
    ],
    [
      "ipam.database",
      (database) => ({ database }),
      "/var/lib/cni/whereabouts/other.db",
      "/var/lib/rancher/k3s/server/db/state.db",
    ],
    [
      "ipam.configuration_path",
      (path) => ({ datastore: "embedded", configuration_path: path }),
      "/etc/cni/net.d/w.conf",
      "/etc/shadow",
    ],
  ];

for (const [field, of, good, bad] of PATHS) {
  Deno.test(`a network may name ${field} only below the folders of its purpose; the operator may name any path`, async () => {
    const files = { "/etc/cni/net.d/w.conf": "{}", "/etc/shadow": "{}" };
    await load(of(good), { files });
    await assert.rejects(load(of(bad), { files }), (error) => {
      assert(error instanceof ForbiddenPathError && error instanceof ConfigError);
      assert.equal(error.field, field);
      assert.match(error.message, new RegExp(`${field}.*allow_paths of the flat file or in WHEREABOUTS_ALLOW_PATHS$`));
      return true;
    });
    const { warnings } = await load(of(bad), { purpose: "inspect" }); // the plugin's environment may allow it
    assert(warnings.some((warning) => warning.includes(field)), warnings.join());
    const folder = bad.replace(/\/\.\.|\/[^/]*$/g, "") || "/";
    const allowed = field === "ipam.etcd_key_file" ? "/etc/kubernetes" : folder;
    await load(of(bad), { files, env: { WHEREABOUTS_ALLOW_PATHS: `/srv:${allowed}` } });
    await load(of(bad), { files, flat: { allow_paths: [allowed] } });
    if (field !== "ipam.configuration_path") await load({}, { flat: of(bad) });
    await load(of(bad), { files, author: "operator" });
  });
}

Deno.test("a file that a network names is a tenant's, except the flat file, which is the operator's", async () => {
  const kubeconfig = "/root/.kube/config";
  const named = { "/etc/cni/net.d/tenant.conf": JSON.stringify({ kubernetes: { kubeconfig } }) };
  const inline = { configuration_path: "/etc/cni/net.d/tenant.conf" };
  await assert.rejects(load(inline, { files: named }), /\/etc\/cni\/net\.d\/tenant\.conf\.kubernetes\.kubeconfig/);
  const { config } = await load({ configuration_path: FLAT }, { flat: { kubernetes: { kubeconfig } } });
  assert.deepEqual(config.datastore, { kind: "kubernetes", kubeconfig });
});

Deno.test("files of a store that a network names are confined to folders; those of the operator's store are not", async () => {
  const confined = await load({ kubernetes: { kubeconfig: "/etc/cni/net.d/kc" } });
  assert(confined.config.datastore.kind === "kubernetes");
  assert(confined.config.datastore.confinedTo?.includes("/etc/cni"));
  const free = await load({ log_file: "/var/log/x" }, { flat: { kubernetes: { kubeconfig: "/root/kc" } } });
  assert.deepEqual(free.config.datastore, { kind: "kubernetes", kubeconfig: "/root/kc" });
});

Deno.test("a log file elsewhere is ignored with one warning, and the call continues", async () => {
  const elsewhere = await load({ datastore: "embedded", log_file: "/tmp/whereabouts.log" });
  assert.equal(elsewhere.config.log.file, undefined);
  assert.equal(elsewhere.warnings.length, 1);
  assert.match(elsewhere.warnings[0] ?? "", /ipam\.log_file "\/tmp\/whereabouts\.log".*\/var\/log.*nothing is written/);
  const allowed = await load({ datastore: "embedded", log_file: "/var/log/w.log" });
  assert.deepEqual([allowed.config.log.file, allowed.warnings], ["/var/log/w.log", []]);
  const flat = await load({ log_file: "/tmp/x" }, { flat: { datastore: "embedded", log_file: "/srv/w.log" } });
  assert.equal(flat.config.log.file, "/srv/w.log");
});

Deno.test("fields of the operator in a network are ignored, with a warning that names the right place", async () => {
  const inline = {
    datastore: "embedded",
    agent_socket: "/tmp/pwn",
    sleep_for_race: 60,
    allow_paths: ["/"],
    stores: "any",
    kubernetes: { kubeconfig: "/etc/cni/kc" },
  };
  const { config, warnings } = await load(inline);
  assert.equal(config.sleepForRace, 0);
  for (const field of ["agent_socket", "sleep_for_race", "allow_paths", "stores"]) {
    assert(warnings.some((warning) => warning.startsWith(`ipam.${field} is ignored: only `)), field);
  }
  await assert.rejects(load({ allow_paths: ["/root"], kubernetes: { kubeconfig: "/root/kc" } }), ForbiddenPathError);
  assert.equal((await load({}, { flat: { datastore: "embedded", sleep_for_race: 1 } })).config.sleepForRace, 1);
});

Deno.test("stores: configured refuses stores that the flat file does not name, and accepts those that it names", async () => {
  const kubernetes = { kubeconfig: "/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig" };
  const flat = { stores: "configured", kubernetes };
  await load({}, { flat });
  await load({ kubernetes }, { flat });
  const foreign = [{ kubernetes: { kubeconfig: "/etc/cni/kc" } }, { etcd_host: "evil:2379" }, {
    datastore: "embedded",
  }];
  for (const store of foreign) {
    await assert.rejects(load(store, { flat }), ForbiddenStoreError);
    await load(store, { flat: { kubernetes } });
  }
  await assert.rejects(load({}, { flat: { stores: "some", kubernetes } }), /expected "any" or "configured"/);
});

Deno.test("a login of the flat file is sent only to the endpoints of the flat file", async () => {
  const flat = {
    etcd_host: "https://etcd:2379",
    etcd_username: "operator",
    etcd_password: "s3cret",
    etcd_cert_file: "/srv/crt",
    etcd_key_file: "/srv/key",
  };
  const own = await load({}, { flat });
  assert(own.config.datastore.kind === "etcd");
  assert.equal(own.config.datastore.password, "s3cret");
  const other = await load({ etcd_host: "http://attacker:2379" }, { flat });
  assert(other.config.datastore.kind === "etcd");
  assert.deepEqual(other.config.datastore, { kind: "etcd", hosts: ["http://attacker:2379"], prefix: "/whereabouts" });
  const same = await load({ etcd_host: "https://etcd:2379" }, { flat });
  assert(same.config.datastore.kind === "etcd" && same.config.datastore.password === "s3cret");
});
