import assert from "node:assert/strict";
import { findingEvents } from "../../src/controllers/finding_events.ts";
import { type Finding, KINDS, NO_OWNER } from "../../src/pool/finding.ts";

const OWNED = {
  ...NO_OWNER,
  address: "10.0.0.1",
  pool: "blue/10.0.0.0/24",
  network: "blue",
  podRef: "web/a",
  message: "m",
};
const POOL = "IPPool blue/10.0.0.0/24";
const [POD, OTHER] = ["Pod web a", "Pod web b"];

/** Findings, and the objects of their events. */
const CASES: readonly (readonly [finding: Finding, objects: readonly string[]])[] = [
  [{ ...OWNED, kind: "orphan", subject: "entry" }, [POOL]],
  [{ ...OWNED, kind: "unowned", subject: "entry", podRef: "" }, [POOL]],
  [{ ...OWNED, kind: "outside-range", subject: "entry" }, [POOL]],
  [{ ...OWNED, kind: "duplicate", subject: "entry", otherPod: "web/b" }, [POD, OTHER]],
  [{ ...OWNED, kind: "duplicate", subject: "entry", podRef: "" }, [POOL]],
  [{ ...OWNED, kind: "same-interface-twice", subject: "entry" }, [POD]],
  [{ ...OWNED, kind: "entry-without-reservation", subject: "entry" }, [POD]],
  [{ ...OWNED, kind: "pod-address-unallocated", subject: "pod" }, [POD]],
  [{ ...OWNED, kind: "pod-address-of-another", subject: "pod", otherPod: "web/b" }, [POD, OTHER]],
  [{ ...OWNED, kind: "reservation-without-entry", subject: "reservation" }, [
    "OverlappingRangeIPReservation blue 10.0.0.1",
  ]],
  [{ ...OWNED, kind: "reservation-of-another", subject: "reservation", otherPod: "web/b" }, [
    "OverlappingRangeIPReservation blue 10.0.0.1",
    POD,
    OTHER,
  ]],
  [{ ...OWNED, kind: "slices-overlap", subject: "slices", pool: "net" }, ["NodeSlicePool net"]],
  [{ ...OWNED, kind: "unreadable", subject: "stored", pool: "IPPool x" }, ["Stored IPPool x"]],
  [{ ...OWNED, kind: "unusable-network", subject: "network", pool: "web/net" }, [
    "NetworkAttachmentDefinition web net",
  ]],
];

for (const [finding, objects] of CASES) {
  Deno.test(`findingEvents reports ${finding.kind} about ${objects.join(" and ")}`, () => {
    const events = findingEvents([finding]);
    assert.deepEqual(events.map(({ regarding }) => Object.values(regarding).join(" ")), objects);
    const next = ["unusable-network", "pod-address-of-another"].includes(finding.kind)
      ? ""
      : `. Next: ${KINDS[finding.kind].remedy}`;
    assert(events.every(({ type, message, reason }) => type === "Warning" && message === `m${next}` && reason !== ""));
  });
}

Deno.test("findingEvents reports many findings of one object and kind in one event", () => {
  const orphan = (message: string): Finding => ({ ...OWNED, kind: "orphan", subject: "entry", message });
  const twice: Finding = { ...OWNED, kind: "outside-range", subject: "entry" };
  assert.deepEqual(findingEvents([orphan("a"), orphan("b"), twice, orphan("c")]).map(({ message }) => message), [
    `a (and 2 more; run whereabouts check). Next: ${KINDS.orphan.remedy}`,
    `m. Next: ${KINDS["outside-range"].remedy}`,
  ]);
});
