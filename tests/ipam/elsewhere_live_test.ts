import assert from "node:assert/strict";
import { mapConcurrently } from "../../src/async/concurrency.ts";
import { formatIp } from "../../src/address/ip.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { SILENT } from "../../src/world/log.ts";
import { assertRequests, NEVER, openWith, put, reservationsOf } from "../drivers/kubernetes/live.ts";
import { makeKube } from "../support/kube.ts";
import { config } from "./lab.ts";

const RESERVATIONS = "overlappingrangeipreservations";
/** More than a page of a list. */
const MANY = 600;

const podOf = (name: string) => ({ podRef: `default/${name}`, ifName: "net1", containerId: name });

/** What an ADD requests whose address is refused once, in a pool that exists. */
const REFUSED = [
  ...["get ippools", "patch ippools", `create ${RESERVATIONS}`, `get ${RESERVATIONS}`, `list ${RESERVATIONS}`],
  ...["get ippools", "patch ippools", `create ${RESERVATIONS}`],
];

Deno.test("allocate sends as many requests over many foreign reservations as over few, the original's among them", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const clock = { ...denoWorld(), monotonic: () => now, lock: () => Promise.resolve(undefined) };
  let now = 0;
  const ipam = directIpam(driver, clock, SILENT);
  const add = async (who: string) => {
    const assigned = await allocate(ipam, config(["10.0.0.0/16"]), podOf(who), NEVER);
    return assigned.map(({ ip }) => formatIp(ip)).join();
  };
  const reserve = (from: number, to: number) =>
    mapConcurrently(Array.from({ length: to - from + 1 }, (_, i) => from + i), 20, async (low) => {
      const ip = { family: 4, value: (10n << 24n) + BigInt(low) } as const;
      await reservationsOf(driver).create({ ...podOf(`f${low}`), network: "", ip }, NEVER);
    });
  await driver.reservations?.create(
    { ...podOf("a"), network: "blue", ip: { family: 4, value: 1n } },
    NEVER,
  );
  await put(kube, "OverlappingRangeIPReservation", "10.0.0.1", { podref: "default/original", ifname: "net1" });
  await put(kube, "OverlappingRangeIPReservation", "10.0.0.4", { podref: "default/original", ifname: "net2" });
  await reserve(2, 2);
  assert.equal(await add("first"), "10.0.0.3");
  await reserve(5, MANY);
  now += 60_000;
  let before = await kube.requests();
  assert.equal(await add("second"), `10.0.${(MANY + 1) >> 8}.${(MANY + 1) & 255}`);
  await assertRequests(kube, before, REFUSED);
  before = await kube.requests();
  assert.equal(await add("third"), `10.0.${(MANY + 2) >> 8}.${(MANY + 2) & 255}`);
  await assertRequests(kube, before, ["get ippools", "patch ippools", `create ${RESERVATIONS}`]);
});
