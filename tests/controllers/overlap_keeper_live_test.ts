import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { loadConfig } from "../../src/config/load.ts";
import { allocate, type Assigned } from "../../src/ipam/allocate.ts";
import { release } from "../../src/ipam/release.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { eventually } from "../support/process.ts";
import { NEVER } from "./lab.ts";
import { Lab } from "./live.ts";

const OFF = { range: "10.66.0.0/29", enable_overlapping_ranges: false };
const ON = { range: "10.66.0.0/28" };

async function define({ objects }: Lab, name: string, ipam: Record<string, unknown>): Promise<void> {
  await objects.attachment(name, { name, type: "macvlan", ipam: { type: "whereabouts", ...ipam } });
}

async function isMarked({ ipam }: Lab): Promise<boolean> {
  const network = parseCidr("10.66.0.0/29");
  assert(network);
  return (await ipam.driver.read({ network: "", cidr: network.cidr }, NEVER)).mustReserve === true;
}

/** ADD and DEL of the network without reservations as a node does them: with the entries of its journal. */
async function recorded({ ipam, objects }: Lab, pod: string) {
  const conf = { name: "off", ipam: { type: "whereabouts", datastore: "kubernetes", ...OFF } };
  const { config } = await loadConfig({ ...denoWorld(), env: () => undefined }, { conf, author: "operator" });
  const sandbox = { containerId: `c-${pod}`, ifName: "net1" };
  const assigned: Assigned[] = await allocate(ipam, config, { podRef: objects.ref(pod), ...sandbox }, NEVER);
  const entries = assigned.map(({ entry }) => entry);
  return {
    reserved: entries.map((entry) => entry.reserved),
    del: async () => void await release(ipam, config, sandbox, NEVER, entries),
  };
}

Deno.test("Controller makes a network without reservations reserve while one with reservations overlaps it", async () => {
  await using lab = await Lab.make();
  await define(lab, "off", OFF);
  const first = await recorded(lab, "first");
  assert.deepEqual(first.reserved, [false]);
  await using _ = await lab.start({ defaultSchedule: "10s", speed: 20 });
  assert.equal(await isMarked(lab), false);
  await lab.objects.pod("first", { ips: ["10.66.0.1"] });
  await define(lab, "on", ON);
  await lab.settles(["10.66.0.1 first"]);
  assert(await isMarked(lab));

  for (const pod of ["on-1", "on-2"]) await lab.objects.pod(pod, { ips: await lab.add("on", ON, pod) });
  const second = await recorded(lab, "second");
  await lab.objects.pod("second", { ips: ["10.66.0.4"] });
  assert.deepEqual(second.reserved, [true]);
  await lab.settles(["10.66.0.1 first", "10.66.0.2 on-1", "10.66.0.3 on-2", "10.66.0.4 second"]);

  for (const one of [first, second]) await one.del(); // the journal of the first one records no reservation
  await lab.settles(["10.66.0.2 on-1", "10.66.0.3 on-2"]);

  await lab.objects.deleteAttachment("on");
  await lab.add("off", OFF, "third");
  await lab.objects.pod("third", { ips: ["10.66.0.1"] });
  await lab.settles(["10.66.0.1 third", "10.66.0.2 on-1", "10.66.0.3 on-2"]);
  assert(await isMarked(lab), "the pods of the other network have their addresses still");
  for (const pod of ["on-1", "on-2"]) await lab.objects.deletePod(pod);
  await lab.settles(["10.66.0.1 third"]);
  await eventually("the mark is removed", async () => !await isMarked(lab));
});

Deno.test("Controller marks a pool before its first allocation, and again if its object was deleted", async () => {
  await using lab = await Lab.make();
  await define(lab, "off", OFF);
  await define(lab, "on", ON);
  await using _ = await lab.start({ defaultSchedule: "10s", speed: 20 });
  await eventually("the mark", () => isMarked(lab));
  await lab.kube.kubectl("delete", "ippool", "10.66.0.0-29");
  await eventually("the mark of the new object", () => isMarked(lab));
  await lab.objects.pod("one", { ips: await lab.add("on", ON, "one") });
  await lab.objects.pod("two", { ips: await lab.add("off", OFF, "two") });
  await lab.settles(["10.66.0.1 one", "10.66.0.2 two"]);
});
