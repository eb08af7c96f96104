import assert from "node:assert/strict";
import { testNode } from "../node.ts";

const IPAM = { type: "whereabouts", datastore: "embedded", log_level: "panic", range: "10.0.0.0/24" };
const CONF = { cniVersion: "1.1.0", name: "net", ipam: IPAM };
const OFF = { ...IPAM, enable_overlapping_ranges: false };
const DONE = { stdout: "", exitCode: 0 };

Deno.test("check uses what ADD recorded, even if the configuration has changed", async () => {
  for (
    const [then, now] of [
      [IPAM, { ...IPAM, range: "10.1.0.0/24" }],
      [IPAM, { ...IPAM, database: "/elsewhere.db", network_name: "other" }],
      [OFF, IPAM],
      [IPAM, OFF],
    ]
  ) {
    await using node = await testNode();
    const prevResult = JSON.parse((await node.call("ADD", { ...CONF, ipam: then })).stdout);
    assert.deepEqual(await node.call("CHECK", { ...CONF, ipam: now, prevResult }), DONE);
    await node.call("DEL", { ...CONF, ipam: then });
    const released = await node.call("CHECK", { ...CONF, ipam: then, prevResult });
    assert.equal(JSON.parse(released.stdout).code, 104);
  }
});

Deno.test("check requires the reservation of ADD even if reservations have been disabled since", async () => {
  await using node = await testNode();
  const prevResult = JSON.parse((await node.call("ADD", CONF)).stdout);
  const { signal } = new AbortController();
  for (const one of await node.driver.reservations?.list(undefined, signal) ?? []) {
    await node.driver.reservations?.release(one, signal);
  }
  const { stdout } = await node.call("CHECK", { ...CONF, ipam: OFF, prevResult });
  assert.match(JSON.parse(stdout).msg, /10\.0\.0\.1 has no cluster-wide reservation/);
});
