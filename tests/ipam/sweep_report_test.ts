import assert from "node:assert/strict";
import { sweepReport } from "../../src/ipam/sweep_report.ts";
import { ip, range } from "./lab.ts";

const { cidr } = range("10.0.0.0/24");
const OWNER = { podRef: "default/a", ifName: "net1", containerId: "c1" };

Deno.test("sweepReport tells each thing as it was seen, so that it can be compared later", () => {
  const key = { network: "blue", node: "node1", cidr };
  const allocation = { address: cidr.base + 5n, ...OWNER };
  const reservation = { network: "blue", ip: ip("fd00::1"), ...OWNER, token: "uid/7" };
  const report = sweepReport({
    orphans: [{ key, allocation, reason: "pod is gone" }],
    reservations: [{ reservation, reason: "no pool entry" }],
    reserved: [{ key, allocation }],
    failures: [new Error("The pool is broken"), "odd"],
    pools: [],
  }, true);
  const entry = { subject: "entry", address: "10.0.0.5", pool: "blue/node1/10.0.0.0/24", network: "blue", ...OWNER };
  const reserved = { subject: "reservation", address: "fd00::1", pool: "", network: "blue", ...OWNER };
  assert.deepEqual(JSON.parse(JSON.stringify(report)), {
    dryRun: true,
    freed: [{ ...entry, reason: "pod is gone" }, { ...reserved, reason: "no pool entry" }],
    repaired: [entry],
    failures: ["The pool is broken", "odd"],
  });
});
