import assert from "node:assert/strict";
import { IPAM_FIELDS } from "../../src/config/schema.ts";
import { shortened, shownIpam, shownNetwork } from "../../src/sysdump/shown_config.ts";

const SECRET = "s3cretValue99";

Deno.test("shownNetwork shows the known fields of a network, and counts the others", () => {
  const ipam = {
    type: "whereabouts",
    range: "10.0.0.0/24",
    exclude: ["10.0.0.0/30"],
    routes: [{ dst: "10.1.0.0/16", gw: "10.0.0.1" }],
    kubernetes: { kubeconfig: "/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig" },
    etcd_pasword: SECRET,
  };
  const shown = shownNetwork(JSON.stringify({ cniVersion: "1.0.0", name: "a", type: "macvlan", key: SECRET, ipam }));
  const { etcd_pasword: _, ...known } = ipam;
  assert.deepEqual(shown, {
    cniVersion: "1.0.0",
    name: "a",
    type: "macvlan",
    otherFields: 1,
    ipam: { ...known, otherFields: 1 },
  });
});

Deno.test("shownNetwork reads lists of plugins", () => {
  const list = {
    name: "a",
    plugins: [{ type: "macvlan", ipam: { range: "10.0.0.0/24" } }, { type: "tuning", x: SECRET }],
  };
  assert.deepEqual(shownNetwork(JSON.stringify(list)), {
    name: "a",
    plugins: [{ type: "macvlan", ipam: { range: "10.0.0.0/24" } }, { type: "tuning", otherFields: 1 }],
  });
  assert.equal(shownNetwork(""), null);
});

/** Places for a secret in a configuration. */
const PLACES: readonly Record<string, unknown>[] = [
  { etcd_password: SECRET },
  { ETCD_Password: SECRET },
  { etcd_username: SECRET },
  { etcd_password: [SECRET] },
  { etcd_host: `http://u:${SECRET}@h:1` },
  { etcd_host: `u:${SECRET}@h:1` },
  { etcd_host: `http://a:1,http://u:${SECRET}@h:1` },
  { kubernetes: SECRET },
  { kubernetes: { kubeconfig: "/k", token: SECRET } },
  { ipRanges: [{ range: "10.0.0.0/24", password: SECRET }] },
  { ipRanges: SECRET },
  { sleep_for_race: SECRET },
  { [SECRET]: 1 },
];

for (const place of PLACES) {
  Deno.test(`shownIpam omits the secret in ${JSON.stringify(place).replaceAll(SECRET, "X")}`, () => {
    assert.equal(JSON.stringify(shownIpam(place)).includes(SECRET), false);
    assert.equal(
      JSON.stringify(shownNetwork(JSON.stringify({ type: "macvlan", ipam: place }))).includes(SECRET),
      false,
    );
  });
}

Deno.test("shownNetwork omits text that is not JSON, and values that are not objects", () => {
  for (const text of [`{"etcd_password": "${SECRET}"`, `["${SECRET}"]`, `"${SECRET}"`]) {
    assert.equal(JSON.stringify(shownNetwork(text)).includes(SECRET), false);
  }
});

Deno.test("shownIpam shows every other field of the schema", () => {
  const values = { string: "x", boolean: true, integer: 1, strings: ["x"], objects: [] };
  const document = Object.fromEntries(
    Object.entries(IPAM_FIELDS).map(([name, type]) => [name, typeof type === "string" ? values[type] : {}]),
  );
  const shown = shownIpam(document) as Record<string, unknown>;
  const hidden = Object.keys(document).filter((name) => JSON.stringify(shown[name]) !== JSON.stringify(document[name]));
  assert.deepEqual(hidden, ["etcd_username", "etcd_password"]);
});

Deno.test("shortened bounds a text", () => {
  assert.equal(shortened("a".repeat(9), 4), "aaaa…");
});
