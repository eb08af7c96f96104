import assert from "node:assert/strict";
import type { Reuse } from "../../src/pool/reuse.ts";
import { decodeReuse, encodeReuse } from "../../src/storage/reuse.ts";

const addressOf = (key: string) => /^\d+$/.test(key) ? BigInt(key) : undefined;
const REST = { at: "2026-11-29T10:00:00.123Z", podref: "default/web-0", ifname: "net1" };

Deno.test("encodeReuse writes seconds, keys and RFC 3339 times, and decodeReuse reads them", () => {
  const since = Date.parse(REST.at);
  const reuse: Reuse = {
    after: 60_000,
    last: 7n,
    rests: new Map([[5n, { podRef: "default/web-0", ifName: "net1", since }]]),
  };
  const stored = encodeReuse(reuse, String);
  assert.deepEqual(stored, { afterSeconds: 60, last: "7", released: { "5": REST } });
  assert.deepEqual(decodeReuse(JSON.parse(JSON.stringify(stored)), addressOf), reuse);
  const empty: Reuse = { rests: new Map() };
  assert.deepEqual(decodeReuse(encodeReuse(empty, String), addressOf), empty);
});

Deno.test("decodeReuse rejects a value of which a part is invalid", () => {
  const valid = { afterSeconds: 60, last: "7", released: { "5": REST } };
  assert(decodeReuse(valid, addressOf));
  const invalid: unknown[] = [
    undefined,
    null,
    [],
    {},
    { ...valid, afterSeconds: "60" },
    { ...valid, afterSeconds: 0 },
    { ...valid, last: 7 },
    { ...valid, last: "x" },
    { ...valid, released: null },
    { ...valid, released: { "-1": REST } },
    { ...valid, released: { "5": null } },
    { ...valid, released: { "5": { ...REST, at: "yesterday" } } },
    { ...valid, released: { "5": { ...REST, podref: undefined } } },
  ];
  for (const value of invalid) assert.equal(decodeReuse(value, addressOf), undefined, JSON.stringify(value));
});
