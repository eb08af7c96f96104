import assert from "node:assert/strict";
import { NO_OWNER } from "../../src/pool/finding.ts";
import { modelOf } from "../../src/ui/model.ts";
import { allocation, keyOf, pool, reading } from "./lab.ts";

Deno.test("the summary counts each pool, and names the networks that use it", () => {
  const keys = [keyOf("10.0.0.0/24", { network: "db" }), keyOf("fd00::/64", { node: "n1" })];
  const pools = [
    pool(keys[0] ?? keyOf("10.0.0.0/24"), [allocation("10.0.0.1", "a/b")]),
    pool(keys[1] ?? keyOf("::/64"), []),
  ];
  const orphan = {
    ...NO_OWNER,
    kind: "orphan",
    subject: "entry",
    address: "10.0.0.1",
    pool: "db/10.0.0.0/24",
    network: "db",
    message: "",
  } as const;
  const { summary } = modelOf(reading(pools, {
    source: { usersOf: ({ network }) => network === "db" ? ["shop/db"] : [] },
    inspected: { findings: [orphan], unconfirmed: [] },
  }));
  assert.deepEqual(summary.pools, [
    {
      name: "db/10.0.0.0/24",
      network: "db",
      node: "",
      cidr: "10.0.0.0/24",
      attachments: ["shop/db"],
      used: 1,
      capacity: "254",
      resting: 0,
      findings: 1,
      version: 0,
    },
    {
      name: "n1/fd00::/64",
      network: "",
      node: "n1",
      cidr: "fd00::/64",
      attachments: [],
      used: 0,
      capacity: `${2n ** 64n - 2n}`,
      resting: 0,
      findings: 0,
      version: 0,
    },
  ]);
});

Deno.test("findings are sorted by severity, conflicts first, each with its remedy and command", () => {
  const of = (kind: "orphan" | "duplicate" | "unusable-network") =>
    ({ ...NO_OWNER, kind, subject: "entry", address: "10.0.0.1", pool: "a/b", network: "", message: kind }) as const;
  const { summary } = modelOf(reading([], {
    inspected: { findings: [of("orphan"), of("unusable-network"), of("duplicate"), of("orphan")], unconfirmed: [] },
  }));
  assert.deepEqual(summary.findings.map(({ kind }) => kind), ["duplicate", "unusable-network", "orphan", "orphan"]);
  const [, , orphan] = summary.findings;
  assert.equal(orphan?.command, "mend orphan");
  assert.match(orphan?.remedy ?? "", /sweep/);
});

Deno.test("slices are compared with nodes, and lead to the pools of their nodes", () => {
  const cidrOf = (text: string) => keyOf(text).cidr;
  const slices = {
    stored: [{
      name: "net",
      range: "10.0.0.0/24",
      slices: [
        { node: "n1", cidr: cidrOf("10.0.0.0/26") },
        { node: "gone", cidr: cidrOf("10.0.0.64/26") },
        { node: "", cidr: cidrOf("10.0.0.128/26") },
      ],
    }],
    nodes: [{ name: "n2" }, { name: "n1" }],
  };
  const { summary } = modelOf(reading([pool(keyOf("10.0.0.0/26", { node: "n1" }), [])], { records: { slices } }));
  assert.deepEqual(summary.slices, [{
    name: "net",
    range: "10.0.0.0/24",
    refused: "",
    slices: [
      { cidr: "10.0.0.0/26", node: "n1", pool: "n1/10.0.0.0/26" },
      { cidr: "10.0.0.64/26", node: "gone", pool: "" },
      { cidr: "10.0.0.128/26", node: "", pool: "" },
    ],
    without: ["n2"],
    missing: ["gone"],
  }]);
});

Deno.test("a slice leads to the pool of its own network, whatever pool another network has of the same node and range", () => {
  const [one, other] = ["a", "b"].map((network) => pool(keyOf("10.0.0.0/26", { node: "n1", network }), []));
  assert(one && other);
  const slices = ["a", "b"].map((network) => ({ node: "n1", network, cidr: one.key.cidr }));
  const stored = slices.map(({ network, ...slice }) => ({
    name: network,
    range: "10.0.0.0/24",
    network,
    slices: [slice],
  }));
  const { summary } = modelOf(reading([one, other], { records: { slices: { stored, nodes: [{ name: "n1" }] } } }));
  assert.deepEqual(summary.slices.map(({ slices: [slice] }) => slice?.pool), ["a/n1/10.0.0.0/26", "b/n1/10.0.0.0/26"]);
});

Deno.test("a model of many node slices with reservations takes no more than time in proportion", () => {
  const counts = [400, 1_600].map((count) => {
    const pools = Array.from({ length: count }, (_, i) => pool(keyOf(`10.${i >> 8}.${i & 255}.0/24`), []));
    const reservations = pools.flatMap(({ key }) =>
      Array.from(
        { length: 20 },
        (_, i) => ({
          network: "",
          ip: { family: 4 as const, value: key.cidr.base + BigInt(i + 1) },
          podRef: "a/b",
          ifName: "net1",
          containerId: "",
        }),
      )
    );
    let reads = 0;
    const counted = reservations.map((one) => ({
      ...one,
      get podRef() {
        return reads++, "a/b";
      },
    }));
    modelOf(reading(pools, { records: { reservations: counted } }));
    return reads;
  });
  assert.equal((counts[1] ?? 0) / (counts[0] ?? 1), 4);
});
