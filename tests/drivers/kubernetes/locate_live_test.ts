import assert from "node:assert/strict";
import { formatIp } from "../../../src/address/ip.ts";
import { makeKube } from "../../support/kube.ts";
import { assertRequests, ipOf, NEVER, openWith, put } from "./live.ts";

const API = "whereabouts.cni.cncf.io/v1alpha1";
const ENTRY = { id: "9f1c", podref: "default/web-0", ifname: "net1" };
const POOLS = 120;
const RESERVATIONS = 510;

function pool(i: number): unknown {
  const metadata = { name: `10.9.${i}.0-24`, annotations: { "whereabouts.cni.cncf.io/network": "" } };
  const spec = { range: `10.9.${i}.0/24`, allocations: { "5": ENTRY } };
  return { apiVersion: API, kind: "IPPool", metadata, spec };
}

function reservation(i: number): unknown {
  const metadata = { name: `10.9.${i >> 8}.${i & 255}` };
  return { apiVersion: API, kind: "OverlappingRangeIPReservation", metadata, spec: { podref: "default/web-0" } };
}

Deno.test("lists follow the pages of the API server and report each; an address is located without them", async () => {
  await using kube = await makeKube();
  const file = await Deno.makeTempFile({ suffix: ".json" });
  const items = [
    ...Array.from({ length: POOLS }, (_, i) => pool(i)),
    ...Array.from({ length: RESERVATIONS }, (_, i) => reservation(i)),
  ];
  await Deno.writeTextFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  await kube.kubectl("create", "-f", file);
  await Deno.remove(file);
  await using driver = await openWith(kube.kubeconfig);
  const parts: number[] = [];
  const onPart = (count: number) => void parts.push(count);
  let before = await kube.requests();
  const pools = await driver.list(NEVER, onPart);
  assert.equal(new Set(pools.map(({ key }) => key.cidr.base)).size, POOLS);
  const reservations = await driver.reservations?.list(undefined, NEVER, onPart) ?? [];
  assert.equal(new Set(reservations.map(({ ip }) => formatIp(ip))).size, RESERVATIONS);
  assert.deepEqual(parts, [...Array.from({ length: 12 }, (_, i) => 10 * (i + 1)), 500, 510]);
  await assertRequests(kube, before, [
    ...Array(12).fill("list ippools"),
    ...Array(2).fill("list overlappingrangeipreservations"),
  ]);

  before = await kube.requests();
  const located = await driver.locate?.(ipOf("10.9.1.5"), NEVER);
  assert.deepEqual(located?.pools, pools.filter(({ key }) => key.cidr.base === ipOf("10.9.1.0").value));
  assert.deepEqual(located?.reservations, reservations.filter(({ ip }) => formatIp(ip) === "10.9.1.5"));
  const requests = ["list ippools", "get ippools", "get overlappingrangeipreservations"];
  await assertRequests(kube, before, requests);

  await put(kube, "IPPool", "blue-n1-10.9.1.0-24", { range: "10.9.1.0/24", allocations: {} });
  assert.equal(await driver.locate?.(ipOf("10.9.1.5"), NEVER), undefined, "only a list tells network and node");
  assert.equal((await driver.locate?.(ipOf("10.9.2.5"), NEVER))?.pools.length, 1);
});
