import assert from "node:assert/strict";
import { makeKube } from "../../support/kube.ts";
import { assertRequests, ipOf, NEVER, openWith, overlapsOf, reserved } from "./live.ts";

Deno.test("listAll reads every page", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const overlaps = overlapsOf(driver);
  const addresses = Array.from({ length: 501 }, (_, i) => `10.10.${i >> 8}.${i & 255}`);
  for (let at = 0; at < addresses.length; at += 50) {
    await Promise.all(addresses.slice(at, at + 50).map((address) => overlaps.claim(reserved(address), NEVER)));
  }
  const before = await kube.requests();
  const listed = await overlaps.list("", NEVER);
  const byValue = (a: bigint, b: bigint) => Number(a - b);
  assert.deepEqual(
    listed.map(({ ip }) => ip.value).sort(byValue),
    addresses.map((text) => ipOf(text).value).sort(byValue),
  );
  const resource = "overlappingrangeipreservations";
  await assertRequests(kube, before, [`list ${resource}`, `list ${resource}`]);
});
