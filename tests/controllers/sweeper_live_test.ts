import assert from "node:assert/strict";
import { parseIp } from "../../src/address/ip.ts";
import { eventually } from "../support/process.ts";
import { FaultProxy } from "../support/proxy.ts";
import { NEVER } from "./lab.ts";
import { Lab, type LiveController } from "./live.ts";

const PLAIN = { range: "10.60.0.0/28" };

/** Waits until so many sweeps finished, with or without failures. */
async function swept({ controller }: Pick<LiveController, "controller">, count: number): Promise<void> {
  await eventually(`${count} sweeps`, () => {
    const lines = controller.metrics.text().split("\n").filter((line) =>
      /^whereabouts_sweeps_total\{outcome="(success|partial)"\}/.test(line)
    );
    return Promise.resolve(lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0) >= count);
  });
}

/** Reserves an address as a plugin that died during ADD or DEL leaves it. */
async function reserve(lab: Lab, address: string, pod: string, network = ""): Promise<void> {
  const ip = parseIp(address);
  assert(ip);
  const owner = { podRef: lab.objects.ref(pod), ifName: "net1", containerId: `c-${pod}` };
  await lab.ipam.driver.reservations?.reserve({ network, ip, ...owner }, NEVER);
}

Deno.test("Sweeper completes entries and reservations of running pods, and frees those of others", async () => {
  await using lab = await Lab.make();
  const { objects, kube } = lab;
  const config = { name: "net", type: "macvlan", ipam: { type: "whereabouts", ...PLAIN } };
  await objects.attachment("net", config);
  for (const name of ["unreserved", "legacy", "twice"]) {
    await objects.pod(name, { ips: await lab.add("net", PLAIN, name) });
  }
  await kube.kubectl("delete", "overlappingrangeipreservations", "10.60.0.1");
  // as releases of the original before 0.7 wrote them
  await kube.kubectl(
    "patch",
    "ippool",
    "10.60.0.0-28",
    "--type=json",
    "-p",
    '[{"op":"remove","path":"/spec/allocations/2/ifname"}]',
  );
  await kube.kubectl(
    "patch",
    "ippool",
    "10.60.0.0-28",
    "--type=json",
    "-p",
    JSON.stringify([{
      op: "add",
      path: "/spec/allocations/9",
      value: { id: "c-former", podref: objects.ref("twice"), ifname: "net1" },
    }, { op: "add", path: "/spec/allocations/10", value: { id: "c-old", podref: objects.ref("gone") } }]),
  );
  await reserve(lab, "10.60.0.12", "gone");
  await reserve(lab, "10.60.0.13", "legacy");
  await using running = await lab.start({ speed: 20 });
  await lab.settles(["10.60.0.1 unreserved", "10.60.0.2 legacy", "10.60.0.3 twice"]);
  await swept(running, 1);
  const repaired = () => /whereabouts_reservations_repaired_total 1\n/.test(running.controller.metrics.text());
  await eventually("the look that repaired a reservation is counted", () => Promise.resolve(repaired()));
  await eventually("events", async () => (await objects.events()).length >= 5);
  assert.deepEqual((await objects.events()).sort(), [
    "IPPool 10.60.0.0-28 IPAddressGarbageCollected",
    "Pod gone IPAddressGarbageCollected",
    "Pod gone IPReservationGarbageCollected",
    "Pod legacy IPReservationGarbageCollected",
    "Pod twice IPAddressGarbageCollected",
  ]);
});

Deno.test("Sweeper does not take an API error for evidence, and sweeps other pools if one cannot be written", async () => {
  await using lab = await Lab.make();
  await using proxy = await FaultProxy.start(lab.kube);
  await lab.add("one", PLAIN, "gone");
  await lab.add("two", { range: "10.61.0.0/28" }, "gone");
  await lab.add("three", { range: "10.62.0.0/28" }, "unknown");
  let broken = true;
  let conflicts = 0;
  proxy.plan = ({ what, url }) => {
    if (!broken) return "pass";
    if (what === "PATCH ippools" && url.includes("10.61.0.0-28")) return { status: 403 };
    if (what === "PATCH ippools" && conflicts++ < 3) return { status: 409 };
    if (what === "GET pods" && url.includes("unknown")) return { status: 500 };
    return "pass";
  };
  await using running = await lab.start({ speed: 20, defaultSchedule: "10s", kubeconfig: await proxy.kubeconfig() });
  await swept(running, 2);
  assert.deepEqual(await lab.entries(), ["10.61.0.1 gone", "10.62.0.1 unknown"]);
  assert.match(running.controller.metrics.text(), /outcome="partial"\} [1-9]/);
  broken = false;
  await lab.settles([]);
});

Deno.test("Sweeper reads evidence twice: a pod created in between keeps its address", async () => {
  await using lab = await Lab.make();
  await lab.add("net", PLAIN, "late");
  await lab.add("net", PLAIN, "gone");
  await using running = await lab.start({ speed: 4 }); // a grace period of 1.25 s
  await eventually("the first look", () => Promise.resolve(running.controller.metrics.text().includes("leading 1")));
  await lab.objects.pod("late", { phase: "Pending" });
  await lab.settles(["10.60.0.1 late"]);
});

Deno.test("Sweeper follows the configured schedule, ignores an invalid one, and survives a clock that jumps", async () => {
  await using lab = await Lab.make();
  let written: string | undefined;
  await using running = await lab.start({ speed: 60, defaultSchedule: "10m", schedule: () => written });
  const leak = async (name: string) => {
    await lab.add("net", PLAIN, name);
    assert.deepEqual(await lab.entries(), [`10.60.0.1 ${name}`]);
  };
  await swept(running, 1);
  await leak("first");
  written = "* * * * *";
  await lab.settles([]);
  written = "now and then";
  await eventually(
    "the complaint",
    () =>
      Promise.resolve(running.world.lines.some((line) => line.includes("now and then") && line.includes("* * * * *"))),
  );
  await leak("second");
  await lab.settles([]);
  written = undefined;
  const usual = () =>
    running.world.lines.filter((line) => line.includes("Scheduled sweeps") && line.includes("10m")).length;
  await eventually("the usual schedule", () => Promise.resolve(usual() === 2));
  await leak("third");
  running.world.step(-24 * 3_600_000);
  await lab.settles([]);
});
