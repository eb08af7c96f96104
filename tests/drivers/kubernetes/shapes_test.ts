import assert from "node:assert/strict";
import { checkShape } from "../../../drivers/kubernetes/shapes.ts";
import { RefusedError } from "../../../src/storage/driver.ts";

const METADATA = { name: "x" };

Deno.test("checkShape accepts objects of API servers, and treats null as absence", () => {
  const pool = {
    metadata: { name: "x", annotations: null },
    spec: { range: "10.0.0.0/24", allocations: { "1": null, "2": { id: 5 } } },
  };
  checkShape("ippools", pool, false, "IPPool x");
  assert.deepEqual(pool.metadata, METADATA);
  checkShape("ippools", { metadata: METADATA }, false, "IPPool x");
  checkShape("ippools", { metadata: {}, items: [pool] }, true, "IPPools");
  checkShape("overlappingrangeipreservations", { metadata: METADATA, spec: { podref: "a/b", more: 5 } }, false, "x");
  checkShape(
    "nodeslicepools",
    { metadata: METADATA, status: { allocations: [{ nodeName: "n", sliceRange: "r" }] } },
    false,
    "x",
  );
});

Deno.test("checkShape names the member with an invalid shape", () => {
  const table: [Parameters<typeof checkShape>[0], object, boolean, string][] = [
    ["ippools", {}, false, "metadata.name is not a name"],
    ["ippools", { metadata: { name: 5 } }, false, "metadata.name is not a name"],
    ["ippools", { metadata: "x" }, false, "metadata is not an object"],
    ["ippools", { metadata: { name: "x", resourceVersion: 7 } }, false, "metadata.resourceVersion is not text"],
    ["ippools", { metadata: METADATA, spec: [] }, false, "spec is not an object"],
    ["ippools", { metadata: METADATA, spec: { range: 10 } }, false, "spec.range is not text"],
    ["ippools", { metadata: METADATA, spec: { allocations: "x" } }, false, "spec.allocations is not an object"],
    ["ippools", { metadata: {} }, true, "items is not a list"],
    ["ippools", { items: [] }, true, "metadata is not an object"],
    ["ippools", { metadata: null, items: [] }, true, "metadata is not an object"],
    ["ippools", { metadata: {}, items: {} }, true, "items is not a list"],
    ["ippools", { metadata: {}, items: [null] }, true, "items[0] is not an object"],
    [
      "ippools",
      { metadata: {}, items: [{ metadata: METADATA }, { metadata: METADATA, spec: { range: 1 } }] },
      true,
      "items[1].spec.range is not text",
    ],
    ["overlappingrangeipreservations", { metadata: METADATA, spec: { podref: {} } }, false, "spec.podref is not text"],
    ["nodeslicepools", { metadata: METADATA, status: { allocations: {} } }, false, "status.allocations is not a list"],
    [
      "nodeslicepools",
      { metadata: METADATA, status: { allocations: [5] } },
      false,
      "status.allocations[0] is not an object",
    ],
  ];
  for (const [resource, object, isList, expected] of table) {
    assert.throws(() => checkShape(resource, object, isList, "IPPool x"), (error) => {
      assert(error instanceof RefusedError);
      assert.equal(error.message, `Cannot read IPPool x: its ${expected}`);
      return true;
    });
  }
});
