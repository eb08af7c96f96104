import assert from "node:assert/strict";
import { droppedFields, outdatedError, probeObject, requiredFields } from "../../../drivers/kubernetes/schema.ts";

/** As an API server sends it; several headers are joined by a comma. */
const WARNING =
  '299 - "unknown field \\"spec.allocations.1.ifname\\"", 299 - "unknown field \\"spec.allocations.1.sandbox\\"", ' +
  '299 - "unknown field \\"spec.allocations.22.ifname\\"", 299 - "unknown field \\"spec.closed\\""';

Deno.test("droppedFields reads the API server's warnings, each kind of entry once", () => {
  assert.deepEqual(droppedFields(WARNING), ["spec.allocations.*.ifname", "spec.allocations.*.sandbox", "spec.closed"]);
  assert.deepEqual(droppedFields('299 - "whereabouts.cni.cncf.io/v1alpha1 IPPool is deprecated"'), []);
  assert.deepEqual(droppedFields(""), []);
});

Deno.test("requiredFields returns the fields that identify range and owner", () => {
  assert.deepEqual(requiredFields("ippools", droppedFields(WARNING)), ["spec.allocations.*.ifname"]);
  const required = ["spec", "spec.range", "spec.allocations", "spec.allocations.*.id", "spec.allocations.*.podref"];
  assert.deepEqual(requiredFields("ippools", required), required.slice(1));
  assert.deepEqual(requiredFields("overlappingrangeipreservations", ["spec.podref", "spec.ifname", "spec.sandbox"]), [
    "spec.podref",
    "spec.ifname",
  ]);
});

Deno.test("requiredFields returns the keeper of a kept record, and only of one", () => {
  const dropped = ["spec.allocations.*.keeper", "spec.allocations.*.former", "spec.allocations.*.sandbox"];
  assert.deepEqual(requiredFields("ippools", dropped), dropped.slice(0, 2));
  assert.deepEqual(requiredFields("ippools", dropped, {}), []);
  assert.deepEqual(requiredFields("overlappingrangeipreservations", ["spec.keeper", "spec.sandbox"]), ["spec.keeper"]);
});

Deno.test("requiredFields returns what the reuse of addresses requires, and only of a pool that has it", () => {
  const dropped = droppedFields(
    '299 - "unknown field \\"spec.reuse\\"", 299 - "unknown field \\"spec.reuse.released.7.at\\""',
  );
  assert.deepEqual(dropped, ["spec.reuse", "spec.reuse.released.*.at"]);
  assert.deepEqual(requiredFields("ippools", dropped), dropped);
  assert.deepEqual(requiredFields("ippools", dropped, { kept: true }), []);
});

Deno.test("outdatedError names the CRD, the dropped fields and the remedy", () => {
  assert.match(
    outdatedError("ippools", ["spec.a"]).message,
    /ippools\.whereabouts.* outdated, it drops spec\.a: kubectl apply/,
  );
});

Deno.test("probeObject returns a unique name each time", () => {
  assert.notEqual(probeObject("ippools").metadata.name, probeObject("ippools").metadata.name);
});
