import assert from "node:assert/strict";
import { messageOf } from "../../src/values/errors.ts";

Deno.test("messageOf returns a message for every thrown value", () => {
  assert.equal(messageOf(new Error("disk full")), "disk full");
  assert.equal(messageOf(new RangeError()), "RangeError");
  assert.equal(messageOf("text"), "text");
  assert.equal(messageOf(undefined), "undefined");
});
