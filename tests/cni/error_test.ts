import assert from "node:assert/strict";
import { CniError, renderError, toCniError } from "../../src/cni/error.ts";
import { ConfigError } from "../../src/config/types.ts";
import { AddressUnavailableError, NoSliceError, NotAllocatedError, PoolExhaustedError } from "../../src/ipam/errors.ts";
import { ConflictError, RefusedError, UnavailableError } from "../../src/storage/driver.ts";

const CODES: readonly (readonly [Error, number])[] = [
  [new ConfigError("ipam.range", "m"), 7],
  [new UnavailableError("m"), 11],
  [new ConflictError("m"), 11],
  [new PoolExhaustedError("m"), 100],
  [new AddressUnavailableError("m"), 101],
  [new RefusedError("m"), 102],
  [new NoSliceError("m"), 103],
  [new NotAllocatedError("m"), 104],
  [new TypeError("m"), 999],
];

for (const [error, code] of CODES) {
  Deno.test(`toCniError maps ${error.name} to code ${code}`, () => {
    const { code: found, message } = toCniError(error);
    assert.deepEqual([found, message], [code, "m"]);
  });
}

Deno.test("toCniError keeps the chain of causes, without stacks", () => {
  const error = toCniError(new UnavailableError("top", { cause: new Error("middle", { cause: "bottom" }) }));
  assert.equal(error.details, "middle: bottom");
  assert.doesNotMatch(renderError(error), /\bat .*\.ts/);
  assert.equal(toCniError("thrown text").message, "thrown text");
});

Deno.test("toCniError returns code 11 if a retry helps any of several failures", () => {
  const several = new AggregateError(
    [new RefusedError("no"), new UnavailableError("later")],
    "Cannot release in 2 pools",
  );
  const { code, message } = toCniError(several);
  assert.deepEqual([code, message], [11, "Cannot release in 2 pools: no; later"]);
  assert.equal(toCniError(new AggregateError([new RefusedError("no")], "m")).code, 102);
});

Deno.test("renderError returns one object with one line per field, even for a long message with control characters", () => {
  const text = renderError(new CniError(4, `a\nb\u0007c ${"x".repeat(2_000)}`, "d\r\ne"), "0.4.0");
  const { cniVersion, code, msg, details } = JSON.parse(text);
  assert.deepEqual([cniVersion, code, details], ["0.4.0", 4, "d e"]);
  assert.match(msg, /^a b c x+…$/);
  assert(msg.length <= 1_001);
});
