import assert from "node:assert/strict";
import { claimMismatch, claimOf, type IpamClaim, moves, type Workload } from "../../src/pool/workload.ts";

const ONE = { name: "net", interface: "pod1234", "ipam-claim-reference": "vm.net" };

Deno.test("claimOf finds the claim of an interface by its name, else by its position", () => {
  const text = JSON.stringify([ONE, { name: "b" }, { name: "c", "ipam-claim-reference": "vm.c" }, {
    name: "d",
    interface: "net9",
    "ipam-claim-reference": "vm.d",
  }]);
  const claims = ["pod1234", "net1", "net2", "net3", "net4", "net9", "eth0"].map((ifName) => claimOf(text, ifName));
  assert.deepEqual(claims, ["vm.net", undefined, undefined, "vm.c", undefined, "vm.d", undefined]);
});

Deno.test("claimOf finds no claim in names of networks, in elements without one, and in odd elements", () => {
  for (const text of ["", "a,b@net1", "ns/a@pod1234", "[]", '[null,5,{"interface":"pod1234"}]']) {
    assert.equal(claimOf(text, "pod1234"), undefined, text);
  }
  for (const claim of ["", 5, null, {}]) {
    assert.equal(claimOf(JSON.stringify([{ ...ONE, "ipam-claim-reference": claim }]), "pod1234"), undefined);
  }
  assert.equal(claimOf(` ${JSON.stringify(ONE)}`, "pod1234"), "vm.net", "a single element");
  assert.throws(() => claimOf("[{", "net1"), SyntaxError);
});

Deno.test("claimMismatch compares network and interface; an empty interface is any", () => {
  const claim: IpamClaim = { uid: "u1", network: "net", ifName: "", deleting: false };
  assert.equal(claimMismatch(claim, "net", "net1"), undefined);
  assert.equal(claimMismatch({ ...claim, ifName: "net1" }, "net", "net1"), undefined);
  assert.match(claimMismatch({ ...claim, ifName: "net2" }, "net", "net1") ?? "", /spec\.interface is "net2"/);
  assert.match(claimMismatch(claim, "other", "net1") ?? "", /spec\.network is "net"/);
});

Deno.test("moves recognizes a migration by the target's label and the same virtual machine", () => {
  const from: Workload = {
    podRef: "ns/a",
    uid: "u1",
    ended: false,
    instance: "i1",
    machine: "vm",
    isMigrationTarget: false,
  };
  const to: Workload = { ...from, podRef: "ns/b", uid: "u2", isMigrationTarget: true };
  const none: Workload = { podRef: "ns/c", uid: "u3", ended: false, isMigrationTarget: true };
  assert(moves(from, to));
  assert(moves({ ...from, isMigrationTarget: true }, to), "the source is the target of an earlier migration");
  assert(moves(from, { ...to, instance: "i2" }), "the same machine by its name");
  assert(moves(from, { ...none, instance: "i1" }));
  for (
    const [a, b, why] of [
      [to, from, "the other way round"],
      [from, { ...to, instance: "i2", machine: "vm2" }, "another machine"],
      [from, { ...to, podRef: "other/b" }, "another namespace"],
      [from, none, "no machine"],
      [{ ...none, instance: "", machine: "" }, { ...none, podRef: "ns/d", instance: "", machine: "" }, "empty names"],
      [{ ...to }, to, "the same pod"],
    ] as const
  ) assert(!moves(a, b), why);
});
