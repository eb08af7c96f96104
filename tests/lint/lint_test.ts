import assert from "node:assert/strict";
import { call, type Ran } from "../cli/lab.ts";

const TYPE = { type: "whereabouts", datastore: "embedded" };

/** A definition in YAML. */
function definition(name: string, ipam: Record<string, unknown>, more: Record<string, unknown> = {}): string {
  const config = { cniVersion: "1.0.0", name, type: "macvlan", ipam: { ...TYPE, ...ipam }, ...more };
  return `apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata:
  name: ${name}
spec:
  config: '${JSON.stringify(config)}'
`;
}

/** Checks definitions on standard input. */
function lint(documents: readonly string[], ...flags: string[]): Promise<Ran> {
  return call({ stdin: documents.join("---\n") }, "lint", "-", ...flags);
}

/** Each level and rule of a report, in order. */
function rulesOf({ out }: Ran): string[] {
  return JSON.parse(out).findings.map(({ level, rule }: Record<string, string>) => `${level} ${rule}`);
}

const CASES: readonly (readonly [what: string, documents: string[], flags: string[], code: number, rules: string[]])[] =
  [
    ["a network without faults", [definition("a", { range: "10.0.0.0/24" })], [], 0, []],
    ["a field that the plugin refuses", [definition("a", { range: "10.0.0.300/24" })], [], 4, [
      "error invalid-definition",
    ]],
    ["no range", [definition("a", {})], [], 4, ["error invalid-definition"]],
    ["a word of host-local", [definition("a", { subnet: "10.0.0.0/24" })], [], 4, ["error invalid-definition"]],
    ["an unknown field", [definition("a", { range: "10.0.0.0/24", colour: "red" })], [], 3, ["warning ignored"]],
    ["a configuration that is no JSON", [definition("a", {}).replace("{", "{{")], [], 4, ["error invalid-definition"]],
    ["a document that is no definition", ["colour: red\n"], [], 4, ["error invalid-definition"]],
    ["a text that is no YAML", ["a: [\n"], [], 4, ["error invalid-definition"]],
    [
      "a gateway that pods may get",
      [definition("a", { range: "10.0.0.0/24", gateway: "10.0.0.1", exclude_gateway: false })],
      [],
      3,
      ["warning gateway-in-range"],
    ],
    ["a gateway that is kept free", [definition("a", { range: "10.0.0.0/24", gateway: "10.0.0.1" })], [], 0, []],
    [
      "a route through an address that pods may get",
      [definition("a", { range: "10.0.0.0/24", routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.1" }] })],
      [],
      3,
      ["warning gateway-in-range"],
    ],
    [
      "a range that overlaps a network of the cluster",
      [definition("a", { range: "10.0.0.0/24" })],
      ["--avoid", "fd00::/64, 10.0.0.0/8"],
      3,
      ["warning cluster-addresses"],
    ],
    ["slices for too many nodes", [sliced("a")], ["--nodes", "5"], 4, ["error slices"]],
    ["slices for all nodes", [sliced("a")], ["--nodes", "4"], 0, []],
    [
      "overlapping ranges in one domain",
      [definition("a", { range: "10.0.0.0/24" }), definition("b", { range: "10.0.0.0/16" })],
      [],
      0,
      ["note overlap"],
    ],
    ["one pool", [definition("a", { range: "10.0.0.0/24" }), definition("b", { range: "10.0.0.0/24" })], [], 0, []],
    [
      "the same range in two domains",
      [definition("a", { range: "10.0.0.0/24" }), definition("b", { range: "10.0.0.0/24", network_name: "b" })],
      [],
      0,
      ["note overlap"],
    ],
    [
      "networks that disagree on reservations",
      [
        definition("a", { range: "10.0.0.0/24" }),
        definition("b", { range: "10.0.0.0/16", enable_overlapping_ranges: false }),
      ],
      [],
      3,
      ["warning reservations-off"],
    ],
    [
      "two definitions of one name",
      [definition("a", { range: "10.0.0.0/24" }), definition("a", { range: "10.0.1.0/24" })],
      [],
      4,
      ["error defined-twice"],
    ],
    ["another plugin", [definition("a", { type: "host-local", subnet: "10.0.0.0/24" })], [], 0, []],
    ["a pod", ["apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"], [], 0, []],
  ];

function sliced(name: string): string {
  return definition(name, { range: "10.0.0.0/24", node_slice_size: "/26" });
}

for (const [what, documents, flags, code, rules] of CASES) {
  Deno.test(`lint: ${what}`, async () => {
    const json = await lint(documents, "--json", ...flags);
    assert.deepEqual([rulesOf(json), json.code], [rules, code], json.out + json.err);
  });
}
