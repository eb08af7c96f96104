import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { loadConfig } from "../../src/config/load.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { makeCluster } from "../cli/cluster.ts";
import { eventually } from "../support/process.ts";
import { NEVER } from "./lab.ts";
import { Lab } from "./live.ts";

const RANGE = "10.67.0.0/24";
const ORIGINAL = {
  containers: [{
    name: "whereabouts",
    image: "ghcr.io/k8snetworkplumbingwg/whereabouts:v0.9.4",
    command: ["/bin/sh", "-c", "/install-cni.sh & /ip-control-loop"],
  }],
};

async function define({ objects }: Lab, name: string, ipam: Record<string, unknown>): Promise<void> {
  await objects.attachment(name, { name, type: "macvlan", ipam: { type: "whereabouts", ...ipam } });
}

/** Because of which object the pool of a range refuses keepers. */
async function refusal({ ipam }: Lab, range = RANGE): Promise<string | undefined> {
  const network = parseCidr(range);
  assert(network);
  return (await ipam.driver.read({ network: "", cidr: network.cidr }, NEVER)).refusesKeepers;
}

/** ADD of a pod whose address a claim keeps. */
async function addKept({ ipam, objects }: Lab, pod: string, uid: string): Promise<void> {
  const conf = { name: "kept", ipam: { type: "whereabouts", datastore: "kubernetes", range: RANGE } };
  const { config } = await loadConfig({ ...denoWorld(), env: () => undefined }, { conf, author: "operator" });
  const keeper = { kind: "IPAMClaim", name: "vm", uid } as const;
  await allocate(ipam, config, { podRef: objects.ref(pod), ifName: "net1", containerId: `c-${pod}`, keeper }, NEVER);
}

Deno.test("Controller lets networks with persistent addresses keep no further one while a controller of the original runs", async () => {
  await using cluster = await makeCluster(); // of its own: labs of other tests would refuse, too
  await using lab = await Lab.on({ ...cluster.kube, [Symbol.asyncDispose]: () => Promise.resolve() });
  await define(lab, "kept", { range: RANGE, allow_persistent_ips: true });
  await define(lab, "plain", { range: "10.68.0.0/24" });
  await using _ = await lab.start({ defaultSchedule: "10s", speed: 20 });
  await addKept(lab, "first", "uid-1");
  const by = `Pod ${lab.objects.ref("original")}`;
  await lab.objects.pod("original", { spec: ORIGINAL });
  await eventually("the pool refuses keepers", async () => await refusal(lab) === by);
  const refused = await addKept(lab, "second", "uid-2").catch((error) => error);
  assert(refused instanceof RefusedError);
  assert(refused.message.includes(by) && refused.message.includes("MIGRATION.md"), refused.message);
  await addKept(lab, "first", "uid-1"); // its claim has it
  await define(lab, "set", { range: "10.69.0.0/24", sticky: "statefulset" });
  await eventually("a new network is refused", async () => await refusal(lab, "10.69.0.0/24") === by);
  await lab.kube.kubectl("delete", "ippool", "10.69.0.0-24");
  await eventually("the mark of the new object", async () => await refusal(lab, "10.69.0.0/24") === by);
  assert.equal(await refusal(lab, "10.68.0.0/24"), undefined);
  await define(lab, "set", { range: "10.69.0.0/24" });
  await eventually("it keeps no addresses any more", async () => await refusal(lab, "10.69.0.0/24") === undefined);
  await lab.objects.deletePod("original");
  await eventually("the pool accepts keepers", async () => await refusal(lab) === undefined);
  await addKept(lab, "second", "uid-2");
});

Deno.test("Controller accepts keepers again after the original was deleted while no controller ran", async () => {
  await using cluster = await makeCluster();
  await using lab = await Lab.on({ ...cluster.kube, [Symbol.asyncDispose]: () => Promise.resolve() });
  await define(lab, "kept", { range: RANGE, allow_persistent_ips: true });
  await lab.objects.pod("original", { spec: ORIGINAL });
  {
    await using _ = await lab.start();
    await eventually("the pool refuses keepers", async () => await refusal(lab) !== undefined);
  }
  await lab.objects.deletePod("original");
  await using _ = await lab.start();
  await eventually("the pool accepts keepers", async () => await refusal(lab) === undefined);
});
