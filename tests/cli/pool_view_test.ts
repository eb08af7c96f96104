import assert from "node:assert/strict";
import { parseCidr, usable } from "../../src/address/cidr.ts";
import type { IpRange } from "../../src/address/range.ts";
import { poolMap } from "../../src/cli/pool_view.ts";
import { PLAIN } from "../../src/cli/style.ts";
import type { Allocations } from "../../src/pool/types.ts";

function range(text: string): IpRange {
  const cidr = parseCidr(text)?.cidr;
  assert(cidr);
  return { cidr, ...usable(cidr), excludes: [] };
}

function used({ cidr }: IpRange, ...offsets: number[]): Allocations {
  return new Map(offsets.map((offset) => {
    const address = cidr.base + BigInt(offset);
    return [address, { address, podRef: "default/a", ifName: "net1", containerId: "c" }];
  }));
}

Deno.test("poolMap draws each address of a small range", () => {
  const small = range("10.0.0.0/28");
  const excluded = { ...small, excludes: [{ first: small.cidr.base + 8n, last: small.cidr.base + 9n }] };
  assert.deepEqual(poolMap(excluded, used(small, 1, 3, 9), PLAIN), [
    "10.0.0.0/28: 3 of 12 in use",
    "  10.0.0.0         -█·█····-█·····-",
  ]);
});

Deno.test("poolMap draws several addresses per cell of a large range, with their number", () => {
  const large = range("10.0.0.0/16");
  const all = Array.from({ length: 256 }, (_, i) => 256 + i);
  const [head = "", first = ""] = poolMap(large, used(large, 5, ...all), PLAIN);
  assert.match(head, /257 of 65279 in use, 256 addresses per cell/);
  assert.match(first, /▒█·{30}$/);
});

Deno.test("poolMap draws a range of any size in at most 256 cells", () => {
  for (const text of ["10.0.0.1/32", "10.0.0.0/31", "10.0.0.0/8", "::/0", "fd00::/64", "fd00::/127"]) {
    const lines = poolMap(range(text), new Map(), PLAIN).slice(1);
    const cells = lines.reduce((sum, line) => sum + (line.match(/[█▒·-]+$/)?.[0].length ?? 0), 0);
    assert(cells >= 1 && cells <= 256, `${text}: ${cells}`);
  }
});

Deno.test("poolMap marks a cell as reserved only if all its addresses are", () => {
  const small = range("10.0.0.0/28");
  const reserved = new Set([small.cidr.base + 1n, small.cidr.base + 2n]);
  assert.match(poolMap(small, used(small, 1), PLAIN, reserved)[1] ?? "", / -█\+·{12}-$/);
  const large = range("10.0.0.0/16");
  assert.match(poolMap(large, new Map(), PLAIN, reserved)[1] ?? "", / ·{32}$/);
});
