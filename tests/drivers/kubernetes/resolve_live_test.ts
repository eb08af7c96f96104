import assert from "node:assert/strict";
import type { StorageDriver } from "../../../src/storage/driver.ts";
import { formatIp } from "../../../src/address/ip.ts";
import type { Unreadable } from "../../../src/pool/finding.ts";
import { formatPoolKey } from "../../../src/pool/types.ts";
import { makeKube } from "../../support/kube.ts";
import {
  allocationOf,
  assertRequests,
  ipOf,
  keyOf,
  NEVER,
  openWith,
  put,
  reservationsOf,
  reserved,
  stored,
} from "./live.ts";

const KIND = "OverlappingRangeIPReservation";
const RESOURCE = "overlappingrangeipreservations";
const NETWORK = "whereabouts.cni.cncf.io/network";
const NODE = "whereabouts.cni.cncf.io/node";
const ENTRY = { id: "9f1c", podref: "default/web-0", ifname: "net1" };
const OWNER = { podref: "default/web-0", ifname: "net1" };

/** The listed reservations, with `?` if in doubt. */
async function listed(driver: StorageDriver): Promise<string[]> {
  const reservations = await reservationsOf(driver).list(undefined, NEVER);
  return reservations.map(({ network, ip, doubtful }) => `${network} ${formatIp(ip)}${doubtful ? " ?" : ""}`).sort();
}

Deno.test("a listed pool has the key that was written, whatever the names of its network and node", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const domains = [
    { network: "vlan-1234" },
    { network: "vlan", node: "1234.example" },
    { network: "", node: "blue-n1" },
    { network: "n".repeat(100), node: "n1" },
    { network: "cafe" },
  ];
  for (const [i, domain] of domains.entries()) {
    const key = { ...keyOf(`10.${i}.0.0/24`), ...domain };
    const after = allocationOf(key, 1n);
    await driver.commit(await driver.read(key, NEVER), [{ address: after.address, after }], NEVER);
  }
  const before = await kube.requests();
  const keys = (await driver.list(NEVER)).map(({ key: { cidr: _, ...domain } }) => domain);
  assert.deepEqual(keys.map((key) => JSON.stringify(key)).sort(), domains.map((key) => JSON.stringify(key)).sort());
  await assertRequests(kube, before, ["list ippools"]);
  const { annotations } = (await stored(kube, "ippools", "vlan-1234.example-10.1.0.0-24")).metadata as Record<
    string,
    unknown
  >;
  assert.deepEqual(annotations, { [NETWORK]: "vlan", [NODE]: "1234.example" });
});

Deno.test("a listed reservation has the key that was written, whatever the name of its network", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  for (const network of ["vlan-1234", "1001", "2001-db8", "prod-cafe", ""]) {
    await reservationsOf(driver).reserve(reserved("fd00:77::1", { network }), NEVER);
  }
  const before = await kube.requests();
  assert.deepEqual(await listed(driver), [
    " fd00:77::1",
    "1001 fd00:77::1",
    "2001-db8 fd00:77::1",
    "prod-cafe fd00:77::1",
    "vlan-1234 fd00:77::1",
  ]);
  await assertRequests(kube, before, [`list ${RESOURCE}`]);
  assert.deepEqual((await reservationsOf(driver).list("vlan", NEVER)).length, 0);
});

Deno.test("a reservation without annotations belongs to its pod's entry; in doubt it is kept, reserved and reported", async () => {
  await using kube = await makeKube();
  await put(kube, "IPPool", "vlan-1234-fd00-77---64", { range: "fd00:77::/64", allocations: { "1": ENTRY } });
  await put(kube, KIND, "vlan-1234-fd00-77--1", OWNER);
  await put(kube, KIND, "vlan-1234-fd00-77--2", { ...OWNER, podref: "default/gone" });
  await put(kube, KIND, "vlan-1234-10.0.0.1", { ...OWNER, podref: "default/gone" });
  await using driver = await openWith(kube.kubeconfig);
  const reservations = reservationsOf(driver);
  assert.deepEqual(await listed(driver), ["vlan 1234:fd00:77::2 ?", "vlan-1234 10.0.0.1", "vlan-1234 fd00:77::1"]);
  const addresses = async (network: string) =>
    (await reservations.list(network, NEVER)).map(({ ip }) => formatIp(ip)).sort();
  assert.deepEqual(await addresses("vlan"), ["1234:fd00:77::1", "1234:fd00:77::2"]);
  assert.deepEqual(await addresses("vlan-1234"), ["10.0.0.1", "fd00:77::1", "fd00:77::2"]);
  const reported: Unreadable[] = [];
  const onUnreadable = (one: Unreadable) => void reported.push(one);
  const doubtful = (await reservations.list(undefined, NEVER, undefined, onUnreadable)).find((one) => one.doubtful);
  assert(doubtful);
  assert.equal(await reservations.release(doubtful, NEVER), false);
  const [unreadable, ...more] = reported;
  assert.deepEqual([unreadable?.where, more], [`${KIND} vlan-1234-fd00-77--2`, []]);
  assert.match(
    unreadable?.why ?? "",
    /1234:fd00:77::2 of network_name "vlan" or fd00:77::2 of network_name "vlan-1234" or .*kubectl delete overlapp.* vlan-1234-fd00-77--2/,
  );
});

Deno.test("an object without annotations gets them from the next write with a known network", async () => {
  await using kube = await makeKube();
  await put(kube, "IPPool", "blue-n1-10.10.0.0-24", { range: "10.10.0.0/24", allocations: { "1": ENTRY } });
  await using driver = await openWith(kube.kubeconfig);
  const [pool] = await driver.list(NEVER);
  assert.deepEqual(pool?.key.otherReadings?.map(formatPoolKey), ["blue-n1/10.10.0.0/24", "blue/n1/10.10.0.0/24"]);
  const key = { ...keyOf("10.10.0.0/24", "blue"), node: "n1" };
  const first = allocationOf(key, 1n);
  const snapshot = await driver.read(key, NEVER);
  await driver.commit(snapshot, [{ address: first.address, before: first }], NEVER);
  assert.deepEqual((await driver.list(NEVER)).map((one) => one.key), [key]);
});

Deno.test("a listed reservation is deleted by its own name", async () => {
  await using kube = await makeKube();
  await put(kube, KIND, "vlan-1234-2001-0db8--1", OWNER); // no release forms this name, so it cannot be found by its address
  await put(kube, KIND, "blue-2001-db8--1", OWNER);
  await put(kube, "IPPool", "vlan-1234-2001-db8---64", { range: "2001:db8::/64", allocations: { "1": ENTRY } });
  await using driver = await openWith(kube.kubeconfig);
  const reservations = reservationsOf(driver);
  const [odd, ...rest] = (await reservations.list("vlan-1234", NEVER)).map(({ doubtful: _, ...one }) => one);
  assert(odd && rest.length === 0);
  const before = await kube.requests();
  assert.equal(await reservations.release(odd, NEVER), true);
  await assertRequests(kube, before, [`delete ${RESOURCE}`]);
  assert.equal((await reservations.list("blue", NEVER)).length, 1);
});

Deno.test("two networks that form the same object name stay separate", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const reservations = reservationsOf(driver);
  const one = reserved("fd00:77::1", { network: "vlan-1234" });
  const same = reserved("1234:fd00:77::1", { network: "vlan" });
  assert.equal((await reservations.reserve(one, NEVER)).kind, "created");
  assert.equal((await reservations.reserve(same, NEVER)).kind, "foreign");
  assert.equal(await reservations.find("vlan", ipOf("1234:fd00:77::1"), NEVER), undefined);
  assert.equal(await reservations.release(same, NEVER), false);
  const slice = { ...keyOf("10.10.0.0/24", "blue"), node: "n1" };
  const whole = keyOf("10.10.0.0/24", "blue-n1");
  const first = allocationOf(slice, 1n);
  const made = await driver.commit(await driver.read(slice, NEVER), [{ address: first.address, after: first }], NEVER);
  const second = allocationOf(whole, 2n);
  const claim = [{ address: second.address, after: second }];
  await assert.rejects(
    driver.commit(await driver.read(whole, NEVER), claim, NEVER),
    /belongs to network_name "blue" and node "n1", expected network_name "blue-n1"; set another network_name/,
  );
  await driver.commit(made, [{ address: first.address, before: first }], NEVER);
  await driver.commit(await driver.read(whole, NEVER), claim, NEVER);
  assert.deepEqual((await driver.list(NEVER)).map(({ key }) => formatPoolKey(key)), ["blue-n1/10.10.0.0/24"]);
});
