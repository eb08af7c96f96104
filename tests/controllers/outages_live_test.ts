import assert from "node:assert/strict";
import { elect } from "../../src/controllers/leader.ts";
import { eventually } from "../support/process.ts";
import { type Fate, FaultProxy, type ProxiedRequest } from "../support/proxy.ts";
import { makeRandom } from "../support/world.ts";
import { Lab, type OpenController } from "./live.ts";

const PLAIN = { range: "10.80.0.0/24" };

/** Creates a pod with an address. */
async function running(lab: Lab, name: string): Promise<void> {
  await lab.objects.pod(name, { ips: await lab.add("net", PLAIN, name) });
}

Deno.test("Controller catches up after its watches were cut, refused, expired, or answered with old data", async () => {
  await using lab = await Lab.make();
  await using proxy = await FaultProxy.start(lab.kube);
  for (const name of ["a", "b", "c", "d", "e", "stays"]) await running(lab, name);
  await using _ = await lab.start({ speed: 10, kubeconfig: await proxy.kubeconfig() });
  const fates: readonly [string, Fate][] = [["a", "pass"], ["b", { status: 503 }], ["c", { status: 410 }], [
    "d",
    "gone",
  ], [
    "e",
    "close",
  ]];
  const left = ["a", "b", "c", "d", "e"];
  for (const [name, fate] of fates) {
    let faults = 0;
    proxy.plan = ({ what, url }) => {
      if (what === "WATCH pods") return faults++ < 2 ? fate : "pass";
      // an old list contains deleted pods and lacks new ones; a read of one pod is current
      return what === "GET pods" && url.includes("?limit") && faults < 2 ? "stale" : "pass";
    };
    proxy.cutWatches();
    await running(lab, `new-${name}`);
    await lab.objects.deletePod(name);
    left.splice(left.indexOf(name), 1);
    await eventually(`${name} is freed`, async () => !(await lab.entries()).some((one) => one.endsWith(` ${name}`)));
  }
  const pods = (await lab.entries()).map((one) => one.split(" ")[1]).sort();
  assert.deepEqual(pods, ["new-a", "new-b", "new-c", "new-d", "new-e", "stays"]);
});

Deno.test("Controller frees no address of a running pod while the API fails at random, and all others in the end", async () => {
  await using lab = await Lab.make();
  await using proxy = await FaultProxy.start(lab.kube);
  const random = makeRandom(1);
  const fates: readonly Fate[] = [{ status: 500 }, { status: 429, retryAfter: 1 }, "close", "lose", "cut", {
    status: 409,
  }];
  proxy.plan = ({ what }: ProxiedRequest): Fate => {
    if (what.startsWith("WATCH") || random() > 0.25) return "pass";
    return fates[Math.floor(random() * fates.length)] ?? "pass";
  };
  const lives = Array.from({ length: 6 }, (_, i) => `lives-${i}`);
  const goes = Array.from({ length: 6 }, (_, i) => `goes-${i}`);
  for (const name of [...lives, ...goes]) await running(lab, name);
  for (const name of goes.slice(0, 3)) await lab.objects.deletePod(name); // unseen, so the sweep frees them
  await using _ = await lab.start({ speed: 20, defaultSchedule: "10s", kubeconfig: await proxy.kubeconfig() });
  for (const name of goes.slice(3)) {
    await lab.objects.deletePod(name);
    proxy.cutWatches();
  }
  const wanted = lives.map((name, i) => `10.80.0.${i + 1} ${name}`);
  await lab.settles(wanted);
});

/** Starts a candidate on a clock ten times as fast. */
function stand(open: OpenController, identity: string) {
  const lead = (signal: AbortSignal) => open.controller.lead(signal);
  const stop = new AbortController();
  const lease = open.cluster.lease("", "controller");
  const done = elect(open.world, open.log, { lease, identity, lead, signal: stop.signal });
  return {
    leads: () => Promise.resolve(open.controller.metrics.text().includes("whereabouts_controller_leading 1\n")),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await done;
      await open.close();
    },
  };
}

Deno.test("Controller stops when it loses its lease during a sweep, and the next leader finishes it", async () => {
  await using lab = await Lab.make();
  await using proxy = await FaultProxy.start(lab.kube);
  for (const name of ["stays", "gone-1", "gone-2"]) await running(lab, name);
  for (const name of ["gone-1", "gone-2"]) await lab.objects.deletePod(name);
  let frozen = false;
  proxy.plan = ({ what }) => {
    if (what === "PATCH ippools") frozen = true; // the evidence was read twice; this is the first write
    return frozen ? "hang" : "pass";
  };
  const options = { speed: 10 };
  await using first = stand(await lab.open({ ...options, kubeconfig: await proxy.kubeconfig() }), "first");
  await eventually("the first leads", first.leads);
  await using second = stand(await lab.open(options), "second");
  await eventually("the sweep's first write", () => Promise.resolve(frozen));
  assert.deepEqual(await lab.entries(), ["10.80.0.1 stays", "10.80.0.2 gone-1", "10.80.0.3 gone-2"]);
  await eventually("the second leads", second.leads);
  assert.equal(await first.leads(), false);
  await lab.settles(["10.80.0.1 stays"]);
  frozen = false;
  proxy.plan = () => "pass";
  await running(lab, "later");
  await lab.objects.deletePod("later");
  await lab.settles(["10.80.0.1 stays"]);
});

Deno.test("Controllers that both lead, as after a suspended process, free leaked addresses and no others", async () => {
  await using lab = await Lab.make();
  for (const name of ["stays", "gone-1", "gone-2", "finished"]) await running(lab, name);
  for (const name of ["gone-1", "gone-2"]) await lab.objects.deletePod(name);
  await using one = await lab.start({ speed: 20, defaultSchedule: "10s" });
  await using two = await lab.start({ speed: 20, defaultSchedule: "10s" });
  await lab.objects.phase("finished", "Succeeded");
  await lab.settles(["10.80.0.1 stays"]);
  const freed = () =>
    [one, two].flatMap(({ controller }) => controller.metrics.text().split("\n"))
      .filter((line) => line.startsWith('whereabouts_freed_total{what="entry"'))
      .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  await eventually("each was freed", () => Promise.resolve(freed() >= 3));
  assert.equal(freed(), 3, "each was freed by one of them");
});
