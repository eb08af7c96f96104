import assert from "node:assert/strict";
import { sweepReport } from "../../src/ipam/sweep_report.ts";
import { NO_OWNER } from "../../src/pool/finding.ts";
import { ip, range } from "./lab.ts";

const { cidr } = range("10.0.0.0/24");
const FINDING = {
  ...NO_OWNER,
  kind: "unreadable",
  subject: "stored",
  pool: "IPPool x",
  message: "It is broken",
} as const;
const OWNER = { podRef: "default/a", ifName: "net1", containerId: "c1" };

Deno.test("sweepReport identifies each record as it was read, so that it can be compared later", () => {
  const key = { network: "blue", node: "node1", cidr };
  const allocation = { address: cidr.base + 5n, ...OWNER };
  const reservation = { network: "blue", ip: ip("fd00::1"), ...OWNER, token: "uid/7" };
  const report = sweepReport({
    orphans: [{ key, allocation, reason: "pod is gone" }],
    reservations: [{ reservation, reason: "pod has finished" }],
    detached: [{
      key,
      allocation,
      sandbox: { podRef: "default/b", containerId: "c2" },
      reason: "pod is gone",
    }],
    reserved: [{ key, allocation }, { key, allocation, isOutdated: true }],
    restored: [{ key, allocation }],
    duplicates: [{ network: "blue", address: "10.0.0.5", podRef: "default/b", holder: allocation }],
    findings: [FINDING],
    suspected: [{ key, allocation, reason: "pod is gone" }],
    unconfirmed: [{ key, allocation, why: "nobody knows" }],
    kept: [],
    failed: [],
    failures: [new Error("The pool is broken"), "odd"],
    pools: [],
  }, true);
  const entry = { subject: "entry", address: "10.0.0.5", pool: "blue/node1/10.0.0.0/24", network: "blue", ...OWNER };
  const reserved = { subject: "reservation", address: "fd00::1", pool: "", network: "blue", ...OWNER };
  assert.deepEqual(JSON.parse(JSON.stringify(report)), {
    dryRun: true,
    freed: [{ ...entry, reason: "pod is gone" }, { ...reserved, reason: "pod has finished" }],
    detached: [{ ...entry, podRef: "default/b", containerId: "c2", reason: "pod is gone" }],
    repaired: [{ ...entry, reason: "missing" }, { ...entry, reason: "outdated" }],
    restored: [entry],
    duplicates: [{ network: "blue", address: "10.0.0.5", podRef: "default/b", holder: OWNER }],
    findings: [FINDING],
    kept: [{ ...entry, reason: "pod is gone, for too short a time" }, { ...entry, reason: "nobody knows" }],
    failures: ["The pool is broken", "odd"],
  });
});
