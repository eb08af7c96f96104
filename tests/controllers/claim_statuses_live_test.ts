import { applyIpamClaims, createClaim } from "../support/ipam_claims.ts";
import { eventually } from "../support/process.ts";
import { Lab } from "./live.ts";

Deno.test("Controller writes the status of a claim when its first pod reports the address, and again when the pod ends", async () => {
  await using lab = await Lab.make();
  const { kube, objects } = lab;
  await applyIpamClaims(kube);
  const ipam = { range: "10.55.0.0/24", allow_persistent_ips: true };
  await objects.attachment("net", { name: "net", type: "macvlan", ipam: { type: "whereabouts", ...ipam } });
  await using _ = await lab.start({ speed: 10 });
  const keeper = { kind: "IPAMClaim", name: "vm.net", uid: await createClaim(kube, "vm.net") } as const;
  const status = async (expected: string) => {
    const jsonpath = "jsonpath={.status.ips[*]} {.status.ownerPod.name} {.status.conditions[*].status}";
    const isWritten = async () => await kube.kubectl("get", "ipamclaim", "vm.net", "-o", jsonpath) === expected;
    await eventually(`the status "${expected}"`, isWritten);
  };
  const ips = await lab.add("net", ipam, "vm", { keeper });
  await objects.pod("vm", { ips });
  await status("10.55.0.1/24 vm True");
  await lab.del("net", ipam, "vm");
  await objects.deletePod("vm");
  await status("10.55.0.1/24  True");
});
