import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { poolListing, type PoolRow, rowOf } from "../../src/cli/pool_rows.ts";
import { PLAIN, type Style } from "../../src/cli/style.ts";
import { table } from "../../src/cli/table.ts";

function row(range: string, used: number): PoolRow {
  const cidr = parseCidr(range)?.cidr;
  assert(cidr);
  const allocations = Array.from({ length: used }, (_, i) => {
    const address = cidr.base + BigInt(i + 1);
    return [address, { address, podRef: `web/p-${i}`, ifName: "net1", containerId: "c" }] as const;
  });
  return rowOf(
    { key: { network: "", cidr }, allocations: new Map(allocations), version: 0 },
    undefined,
    0,
    "kube-system",
  );
}

/** The line of a pool. */
function line(range: string, used: number, style: Style): string | undefined {
  const { columns } = poolListing(style, false);
  const shown = columns.filter(({ wide }) => !wide);
  const item = row(range, used);
  return table([], [shown.map(({ value, cell }) => cell ? cell(item) : value(item))], style)[0];
}

Deno.test("poolListing shows used, free and full, with a bar where the terminal has room", () => {
  assert.equal(line("10.0.0.0/24", 0, PLAIN), "10.0.0.0/24  0  254  254  0 %");
  assert.equal(line("10.0.0.0/24", 1, PLAIN), "10.0.0.0/24  1  253  254  <1 %");
  assert.equal(line("fd00:40::/64", 250, PLAIN), "fd00:40::/64  250  ~2^64  ~2^64  <1 %");
  assert.match(line("10.0.0.0/24", 254, { ...PLAIN, width: 80 }) ?? "", / {2}██████████ 100 %$/);
  assert.match(line("10.0.0.0/24", 127, { ...PLAIN, width: 160 }) ?? "", / {2}█{10}·{10} {2}50 %$/);
});

Deno.test("poolListing colours a pool by its fill", () => {
  const mark = (text: string) => (part: string) => `${text}(${part})`;
  const style = { ...PLAIN, good: mark("good"), warn: mark("warn"), bad: mark("bad") };
  const colors = [0, 202, 205, 241, 242, 254].map((used) =>
    /(good|warn|bad)\(/.exec(line("10.0.0.0/24", used, style) ?? "")?.[1]
  );
  assert.deepEqual(colors, ["good", "good", "warn", "warn", "bad", "bad"]);
});

Deno.test("poolListing has numbers in JSON, and texts beyond 2^53", () => {
  const { toJson, nameOf } = poolListing(PLAIN, false);
  const shown = (range: string) => toJson(row(range, 1)) as Record<string, unknown>;
  const { used, free, capacity, namespace } = shown("10.0.0.0/24");
  assert.deepEqual([used, free, capacity, namespace], [1, 253, 254, "kube-system"]);
  assert.deepEqual(shown("fd00:40::/64").free, `${2n ** 64n - 3n}`);
  assert.equal(nameOf(row("10.0.0.0/24", 0)), "ippool.whereabouts.cni.cncf.io/10.0.0.0-24");
});
