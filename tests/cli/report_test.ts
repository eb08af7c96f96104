import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../../src/cli/define.ts";
import { parseReport } from "../../src/cli/report.ts";

const ENTRY = {
  subject: "entry",
  address: "10.0.0.1",
  pool: "10.0.0.0/24",
  network: "",
  podRef: "default/a",
  ifName: "net1",
  containerId: "c",
};

function report(...findings: unknown[]): string {
  return JSON.stringify({ findings });
}

Deno.test("parseReport returns orphans and reservations without entry, and counts other findings", () => {
  const { seen, left } = parseReport(
    report(
      { ...ENTRY, kind: "orphan" },
      { ...ENTRY, kind: "duplicate" },
      { ...ENTRY, kind: "unowned", podRef: "" },
      { ...ENTRY, subject: "reservation", kind: "reservation-without-entry", address: "FD00:0::1" },
    ),
    "r",
  );
  assert.deepEqual(seen, [ENTRY, { ...ENTRY, subject: "reservation", address: "fd00::1" }]);
  assert.equal(left, 2);
});

Deno.test("parseReport skips addresses in the status of a pod, whatever other findings they have", () => {
  const { seen, left } = parseReport(
    report(
      { ...ENTRY, subject: "reservation", kind: "reservation-without-entry" },
      { ...ENTRY, subject: "pod", kind: "pod-address-unallocated" },
    ),
    "r",
  );
  assert.deepEqual([seen, left], [[], 2]);
});

Deno.test("parseReport returns the records of a dry run, and refuses the report of a real run", () => {
  const text = (dryRun: unknown) => JSON.stringify({ dryRun, freed: [{ ...ENTRY, reason: "pod is gone" }] });
  assert.deepEqual(parseReport(text(true), "r"), { seen: [ENTRY], left: 0 });
  for (const dryRun of [false, undefined, "true"]) {
    assert.throws(() => parseReport(text(dryRun), "r"), /report r: reconcile without --dry-run/);
  }
});

const BROKEN: readonly (readonly [string, RegExp])[] = [
  ["", /Not JSON \(empty\)/],
  ["[]", /not an object/],
  ["{}", /findings and freed are missing/],
  ['{"findings":{}}', /findings and freed are missing/],
  [report(5), /findings\[0\] is not an object/],
  [report({ ...ENTRY, kind: "orphan", address: 5 }), /findings\[0\]\.address is 5/],
  [report({ ...ENTRY, kind: "orphan", address: "10.0.0.0/24" }), /findings\[0\]\.address is "10\.0\.0\.0\/24"/],
  [report({ kind: "orphan" }), /findings\[0\]\.subject is missing/],
  [report({ ...ENTRY, kind: "orphan", subject: "pool" }), /findings\[0\]\.subject is "pool"/],
];

for (const [text, why] of BROKEN) {
  Deno.test(`parseReport refuses ${text.slice(0, 60) || "nothing"}`, () => {
    assert.throws(() => parseReport(text, "r"), (error) => error instanceof UsageError && why.test(error.message));
  });
}

Deno.test("parseReport accepts or refuses any text, and never fails otherwise", () => {
  fc.assert(fc.property(fc.oneof(fc.json(), fc.string(), fc.jsonValue().map((value) => report(value))), (text) => {
    try {
      parseReport(text, "r");
    } catch (error) {
      assert(error instanceof UsageError, `${error}`);
    }
  }));
});
