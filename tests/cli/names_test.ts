import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { parseIp } from "../../src/address/ip.ts";
import { UsageError } from "../../src/cli/define.ts";
import { meaningOf, selectedIn } from "../../src/cli/names.ts";
import { objectOf, type PoolRow, rowOf } from "../../src/cli/pool_rows.ts";
import type { Allocation, PoolKey } from "../../src/pool/types.ts";
import { formatPoolKey } from "../../src/pool/types.ts";

interface Given {
  readonly network?: string;
  readonly node?: string;
  readonly cidr: string;
  readonly users?: readonly string[];
  readonly pods?: Readonly<Record<string, string>>;
}

function row({ network = "", node, cidr: text, users = [], pods = {} }: Given): PoolRow {
  const cidr = parseCidr(text)?.cidr;
  assert(cidr);
  const allocations = Object.entries(pods).map(([address, podRef]): Allocation => ({
    address: parseIp(address)?.value ?? 0n,
    podRef,
    ifName: "net1",
    containerId: "c",
    ...(podRef.startsWith("db/") && { node: "worker-9" }),
  }));
  const key: PoolKey = { network, ...(node !== undefined && { node }), cidr };
  const pool = { key, allocations: new Map(allocations.map((one) => [one.address, one])), version: 0 };
  return rowOf(pool, { usersOf: () => users }, 0, undefined);
}

const ROWS = [
  row({
    network: "fabric",
    cidr: "10.20.0.0/23",
    users: ["web/fabric"],
    pods: { "10.20.0.5": "web/a", "10.20.0.6": "web/b" },
  }),
  row({ network: "sliced", node: "worker-1", cidr: "10.60.0.0/26", users: ["db/sliced"] }),
  row({ network: "sliced", node: "worker-2", cidr: "10.60.0.64/26", users: ["db/sliced"] }),
  row({ cidr: "10.40.0.0/20", users: ["db/storage", "web/storage"], pods: { "10.40.0.1": "db/storage-0" } }),
  row({ cidr: "fd00:40::/64", users: ["db/storage"], pods: { "fd00:40::1": "db/storage-0" } }),
];

function selected(name: string, nodeOf?: (podRef: string) => string | undefined): string[] | undefined {
  const meaning = meaningOf(name, ROWS, nodeOf);
  return meaning &&
    ROWS.filter(meaning.pool).map((one) => `${formatPoolKey(one.pool.key)} ${selectedIn(meaning, one).length}`);
}

Deno.test("objectOf is the name of the pool's object, as the Kubernetes driver forms it", async () => {
  const { poolName } = await import("../../drivers/kubernetes/names.ts");
  for (const { pool } of [...ROWS, row({ cidr: "::/64" })]) assert.equal(objectOf(pool), poolName(pool.key));
});

Deno.test("meaningOf finds what each name names", () => {
  const found: readonly (readonly [name: string, pools: readonly string[] | undefined])[] = [
    ["fabric/10.20.0.0/23", ["fabric/10.20.0.0/23 2"]],
    ["fabric-10.20.0.0-23", ["fabric/10.20.0.0/23 2"]],
    ["10.20.0.0/23", ["fabric/10.20.0.0/23 2"]],
    ["10.20.0.9/23", ["fabric/10.20.0.0/23 2"]],
    ["fabric", ["fabric/10.20.0.0/23 2"]],
    ["web/fabric", ["fabric/10.20.0.0/23 2"]],
    ["sliced", ["sliced/worker-1/10.60.0.0/26 0", "sliced/worker-2/10.60.0.64/26 0"]],
    ["worker-2", ["sliced/worker-2/10.60.0.64/26 0"]],
    ["worker-9", ["10.40.0.0/20 1", "fd00:40::/64 1"]],
    ["web/b", ["fabric/10.20.0.0/23 1"]],
    ["storage-0", ["10.40.0.0/20 1", "fd00:40::/64 1"]],
    ["10.20.0.6", ["fabric/10.20.0.0/23 1"]],
    ["10.20.0.7", ["fabric/10.20.0.0/23 0"]],
    ["10.20.0.4/31", ["fabric/10.20.0.0/23 1"]],
    ["FD00:40:0::1", ["fd00:40::/64 1"]],
    ["fd00-40---64", ["fd00:40::/64 1"]],
    ["nothing", undefined],
    ["toString", undefined],
  ];
  for (const [name, pools] of found) assert.deepEqual(selected(name), pools, name);
  assert.deepEqual(selected("worker-3", (podRef) => podRef === "web/a" ? "worker-3" : undefined), [
    "fabric/10.20.0.0/23 1",
  ]);
});

Deno.test("meaningOf refuses a name with several meanings, and a prefix chooses one", () => {
  assert.throws(
    () => meaningOf("storage", ROWS),
    new UsageError(
      'Ambiguous name "storage": network definition db/storage (2 pools, 2 addresses), or network definition ' +
        "web/storage (1 pool, 1 address); write definition:db/storage or definition:web/storage",
    ),
  );
  assert.deepEqual(selected("definition:web/storage"), ["10.40.0.0/20 1"]);
  const rows = [...ROWS, row({ cidr: "10.70.0.0/24", pods: { "10.70.0.1": "x/fabric", "10.70.0.2": "web/fabric" } })];
  assert.throws(() => meaningOf("web/fabric", rows), /definition:web\/fabric or pod:web\/fabric/);
  assert.equal(meaningOf("pod:web/fabric", rows)?.kind, "pod");
  assert.equal(meaningOf("pod:fabric", ROWS), undefined);
});

Deno.test("meaningOf refuses text that is meant as an address", () => {
  for (const name of ["10.0.0.01", "10.0.0.300", "fd00::1::2", "10.0.0.0/33"]) {
    assert.throws(() => meaningOf(name, ROWS), /Invalid address .*: expected one such as 10\.0\.0\.5/, name);
  }
});
