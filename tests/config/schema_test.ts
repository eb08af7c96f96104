import assert from "node:assert/strict";
import { readDocument } from "../../src/config/document.ts";
import { type FieldType, IGNORED_FIELDS, IPAM_FIELDS, RANGE_FIELDS } from "../../src/config/schema.ts";

/** The documented fields of the original, with values of the JSON types that it decodes. */
const ORIGINAL: Readonly<Record<string, unknown>> = {
  type: "whereabouts",
  range: "",
  range_start: "",
  range_end: "",
  exclude: [""],
  ipRanges: [{ range: "", range_start: "", range_end: "", exclude: [""] }],
  gateway: "",
  routes: [{ dst: "", gw: "" }],
  dns: { nameservers: [""], domain: "", search: [""], options: [""] },
  addresses: [{ address: "", gateway: "" }],
  enable_overlapping_ranges: true,
  network_name: "",
  node_slice_size: "",
  kubernetes: { kubeconfig: "", k8s_api_root: "" },
  configuration_path: "",
  leader_lease_duration: 1500,
  leader_renew_deadline: 1000,
  leader_retry_period: 500,
  log_file: "",
  log_level: "",
  reconciler_cron_expression: "",
  sleep_for_race: 0,
  datastore: "",
  etcd_host: "",
  etcd_username: "",
  etcd_password: "",
  etcd_key_file: "",
  etcd_cert_file: "",
  etcd_ca_cert_file: "",
};

Deno.test("IPAM_FIELDS has every field of the original, with its type", () => {
  const warnings: string[] = [];
  assert.deepEqual(readDocument(ORIGINAL, IPAM_FIELDS, "ipam", (warning) => warnings.push(warning)), ORIGINAL);
  assert.deepEqual(warnings, []);
});

Deno.test("RANGE_FIELDS are also fields of the ipam object, with the same types", () => {
  for (const [key, type] of Object.entries(RANGE_FIELDS)) assert.equal(IPAM_FIELDS[key], type);
});

Deno.test("IGNORED_FIELDS are known fields, whose types are checked", () => {
  const types: (FieldType | undefined)[] = IGNORED_FIELDS.map((key) => IPAM_FIELDS[key]);
  assert.deepEqual(types, ["integer", "integer", "integer"]);
});
