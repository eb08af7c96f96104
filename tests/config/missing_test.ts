import { load, refuses } from "./support.ts";

/** Networks without a range, the field of the error, and the part of its message about what was found. */
const RANGELESS: readonly (readonly [fields: Record<string, unknown>, field: string, found: string])[] = [
  [{}, "ipam.range", "found nothing"],
  [{ range: "" }, "ipam.range", 'found string ""'],
  [{ rnge: "10.80.0.0/29" }, "ipam.range", "found ipam.rnge: did you mean range?"],
  [{ ip_ranges: [] }, "ipam.range", "found ipam.ip_ranges: did you mean ipRanges?"],
  [{ adresses: [] }, "ipam.range", "found ipam.adresses: did you mean addresses?"],
  [{ subnet: "10.0.0.0/24" }, "ipam.range", "ipam.subnet is a field of host-local, here it is range"],
  [
    { ranges: [[{ subnet: "10.0.0.0/24" }]], rangeStart: "10.0.0.5" },
    "ipam.range",
    "ipam.ranges is a field of host-local, here it is ipRanges, ipam.rangeStart is a field of host-local, here it is range_start",
  ],
  [{ log_levle: "debug" }, "ipam.range", "found nothing"],
  [
    { ipRanges: [{ subnet: "10.0.0.0/24" }] },
    "ipam.ipRanges[0].range",
    "ipam.ipRanges[0].subnet is a field of host-local",
  ],
  [{ ipRanges: [{ range: "10.0.0.0/24" }, { rang: "10.1.0.0/24" }] }, "ipam.ipRanges[1].range", "did you mean range?"],
];

Deno.test("loadConfig refuses a network without a range, and names the field that was probably meant", async () => {
  for (const [fields, field, found] of RANGELESS) {
    for (const purpose of ["allocate", "inspect"] as const) {
      await refuses(load(fields, { purpose }), field, "Missing", found);
    }
  }
  for (
    const source of [{ range: "10.0.0.0/24" }, { ipRanges: [{ range: "10.0.0.0/24" }] }, {
      addresses: [{ address: "10.0.0.1/24" }],
    }]
  ) {
    await load(source, { purpose: "allocate" });
  }
});
