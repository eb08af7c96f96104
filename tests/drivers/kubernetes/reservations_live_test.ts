import assert from "node:assert/strict";
import type { Reservation } from "../../../src/storage/driver.ts";
import { makeKube } from "../../support/kube.ts";
import { assertRequests, ipOf, NEVER, openWith, put, reservationsOf, reserved, stored } from "./live.ts";

const KIND = "OverlappingRangeIPReservation";
const RESOURCE = "overlappingrangeipreservations";

Deno.test("kubernetesReservations stores objects in the original's format, with the sandbox", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  await reservationsOf(driver).reserve(reserved("10.10.0.1"), NEVER);
  const { apiVersion, kind, spec } = await stored(kube, RESOURCE, "10.10.0.1");
  assert.deepEqual({ apiVersion, kind, spec }, {
    apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
    kind: KIND,
    spec: { podref: "default/web-0", ifname: "net1", containerid: "9f1c" },
  });
  await reservationsOf(driver).reserve(reserved("2001:db8::", { network: "blue", ifName: "", containerId: "" }), NEVER);
  assert.deepEqual((await stored(kube, RESOURCE, "blue-2001-db8--0")).spec, { podref: "default/web-0" });
});

Deno.test("kubernetesReservations records network and node in annotations, and keeps the members of others", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const annotations = async (name: string) =>
    ((await stored(kube, RESOURCE, name)).metadata as Record<string, unknown>).annotations;
  const long = "n".repeat(100);
  const facts = { node: "node1", uid: "u1" };
  await reservationsOf(driver).reserve(reserved("10.10.0.1", { network: long, ...facts }), NEVER);
  const NETWORK = "whereabouts.cni.cncf.io/network";
  const NODE = "whereabouts.cni.cncf.io/node";
  assert.deepEqual(await annotations(`${long}-10.10.0.1`), { [NETWORK]: long, [NODE]: "node1" });
  await reservationsOf(driver).reserve(reserved("10.10.0.2"), NEVER);
  assert.deepEqual(await annotations("10.10.0.2"), { [NETWORK]: "" });
  await put(kube, KIND, "10.10.0.3", { podref: "default/web-0", ifname: "net1", ipamclaimref: "vm-a" });
  const next = reserved("10.10.0.3", { containerId: "0a".repeat(32), ...facts });
  const takeOver = async (wanted: Reservation) => {
    const found = await reservationsOf(driver).reserve(wanted, NEVER);
    assert(found.kind === "own" && await reservationsOf(driver).takeOver(found.reservation, wanted, NEVER));
  };
  await takeOver(next);
  assert.deepEqual((await stored(kube, RESOURCE, "10.10.0.3")).spec, {
    podref: "default/web-0",
    ifname: "net1",
    ipamclaimref: "vm-a",
    containerid: "0a".repeat(32),
    sandbox: `node1/u1/${"0a".repeat(8)}`,
  });
  await kube.kubectl("annotate", RESOURCE, "10.10.0.3", "someone=else");
  const other = { ...next, containerId: "0b".repeat(32), node: "node2", uid: "u2" };
  await takeOver(other);
  assert.deepEqual(await annotations("10.10.0.3"), { [NETWORK]: "", [NODE]: "node2", someone: "else" });
});

Deno.test("kubernetesReservations takes over reservations of the original", async () => {
  await using kube = await makeKube();
  await put(kube, KIND, "10.10.0.1", { podref: "default/web-0", ifname: "net1" });
  await put(kube, KIND, "10.10.0.2", { podref: "default/web-0" });
  await using driver = await openWith(kube.kubeconfig);
  const reservations = reservationsOf(driver);
  for (const address of ["10.10.0.1", "10.10.0.2"]) {
    const found = await reservations.reserve(reserved(address), NEVER);
    assert(found.kind === "own");
    assert.notEqual(await reservations.takeOver(found.reservation, reserved(address), NEVER), undefined);
    assert.deepEqual((await stored(kube, RESOURCE, address)).spec, {
      podref: "default/web-0",
      ifname: "net1",
      containerid: "9f1c",
    });
    assert.equal((await reservations.reserve(reserved(address, { ifName: "net2" }), NEVER)).kind, "foreign");
  }
});

Deno.test("kubernetesReservations releases reservations of the original", async () => {
  await using kube = await makeKube();
  await put(kube, KIND, "10.10.0.1", { podref: "default/web-0", ifname: "net1" });
  await put(kube, KIND, "10.10.0.2", { podref: "default/web-0" });
  await put(kube, KIND, "10.10.0.3", { podref: "default/web-0", ifname: "net2" });
  await put(kube, KIND, "10.10.0.4", { podref: "default/web-0", ifname: "net1", containerid: "other" });
  await using driver = await openWith(kube.kubeconfig);
  const reservations = reservationsOf(driver);
  const released = [];
  for (const last of [1, 2, 3, 4, 5]) released.push(await reservations.release(reserved(`10.10.0.${last}`), NEVER));
  assert.deepEqual(released, [true, true, false, false, false]);
});

Deno.test("kubernetesReservations reserves with one request, and with two after a lost answer", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const reservations = reservationsOf(driver);
  const created = await reservations.reserve(reserved("10.10.0.1"), NEVER);
  await assertRequests(kube, [], [`create ${RESOURCE}`]);
  let before = await kube.requests();
  const kept = await reservations.reserve(reserved("10.10.0.1"), NEVER);
  assert(created.kind === "created" && kept.kind === "kept");
  assert.deepEqual(kept.reservation, created.reservation);
  await assertRequests(kube, before, [`create ${RESOURCE}`, `get ${RESOURCE}`]);
  before = await kube.requests();
  assert.equal(await reservations.release(kept.reservation, NEVER), true);
  await assertRequests(kube, before, [`delete ${RESOURCE}`]);
  assert.equal(await reservations.release(kept.reservation, NEVER), false);
});

Deno.test("kubernetesReservations reads again if a token is stale", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const reservations = reservationsOf(driver);
  const first = await reservations.reserve(reserved("10.10.0.1"), NEVER);
  assert(first.kind === "created");
  await kube.kubectl("annotate", RESOURCE, "10.10.0.1", "someone=else");
  const before = await kube.requests();
  assert.equal(await reservations.release(first.reservation, NEVER), true);
  await assertRequests(kube, before, [`delete ${RESOURCE}`, `get ${RESOURCE}`, `delete ${RESOURCE}`]);

  assert.equal((await reservations.reserve(reserved("10.10.0.1", { podRef: "default/new" }), NEVER)).kind, "created");
  assert.equal(await reservations.release(first.reservation, NEVER), false);
  assert.equal((await reservations.find("", ipOf("10.10.0.1"), NEVER))?.podRef, "default/new");
});

Deno.test("kubernetesReservations keeps what the original created for its pod since a token was read", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const reservations = reservationsOf(driver);
  const first = await reservations.reserve(reserved("10.10.0.1"), NEVER);
  assert(first.kind === "created" && await reservations.release(first.reservation, NEVER));
  await put(kube, KIND, "10.10.0.1", { podref: "default/web-0", ifname: "net1" });
  assert.equal(await reservations.release(first.reservation, NEVER), false);
  assert(await reservations.find("", ipOf("10.10.0.1"), NEVER));
});

Deno.test("kubernetesReservations ignores invalid tokens", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const reservations = reservationsOf(driver);
  for (const token of ["", "x", "/", "x/1", "é\n/\u0000"]) {
    await reservations.reserve(reserved("10.10.0.1"), NEVER);
    assert.equal(await reservations.release(reserved("10.10.0.1", { token }), NEVER), true, token);
  }
});

Deno.test("kubernetesReservations releases a listed reservation only if it is unchanged or still the owner's", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const reservations = reservationsOf(driver);
  await reservations.reserve(reserved("10.10.0.1"), NEVER);
  await reservations.reserve(reserved("10.10.0.2"), NEVER);
  const listed = await reservations.list("", NEVER);
  const found = listed.find(({ ip }) => ip.value === ipOf("10.10.0.2").value);
  assert(found && await reservations.takeOver(found, reserved("10.10.0.2", { containerId: "newer" }), NEVER));
  const released = await Promise.all(listed.map((reservation) => reservations.release(reservation, NEVER)));
  assert.equal(released.filter(Boolean).length, 1);
  assert.deepEqual((await reservations.list("", NEVER)).map(({ containerId }) => containerId), ["newer"]);
});
