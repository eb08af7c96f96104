import assert from "node:assert/strict";
import { binary, type Call, callPlugin } from "../support/binary.ts";
import { ControlPlane, namespaceOf } from "../support/kube.ts";
import { BEFORE_0_8, downgrade } from "../support/outdated.ts";
import { run } from "../support/process.ts";

const PLUGIN = await binary();

Deno.test("under a schema that drops interfaces ADD fails with code 102, STATUS fails too, and DEL releases older entries", async () => {
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  const kubernetes = { kubeconfig: kube.kubeconfig };
  const ipam = { type: "whereabouts", log_level: "error", kubernetes, range: "10.50.0.0/29" };
  const conf = { cniVersion: "1.1.0", name: "net", ipam };
  const call = (verb: string, id: string): Call => ({ verb, conf, containerId: id, pod: id });
  const entries = async () => {
    const { spec } = JSON.parse(await kube.kubectl("get", "ippool", "10.50.0.0-29", "-o", "json"));
    const reservations = (await kube.kubectl("get", "overlappingrangeipreservations", "-o", "name")).trim();
    return { ids: Object.values(spec.allocations as Record<string, { id: string }>).map(({ id }) => id), reservations };
  };

  // recorded while the schema had interfaces: the journal names one, the stored entry will not
  assert.equal((await callPlugin(PLUGIN, call("ADD", "before"))).code, 0);
  await downgrade(kube, BEFORE_0_8);
  await kube.kubectl("annotate", "ippool", "10.50.0.0-29", "any=write"); // the stored object is pruned
  for (const id of ["a", "b", "c", "d", "e", "f", "g", "h"]) {
    const { stdout } = await callPlugin(PLUGIN, call("ADD", id));
    const { code, msg } = JSON.parse(stdout);
    assert.equal(code, 102);
    assert.match(
      msg,
      /ippools\.whereabouts\.cni\.cncf\.io is outdated, it drops spec\.allocations\.\*\.ifname: kubectl apply/,
    );
  }
  const status = JSON.parse((await callPlugin(PLUGIN, call("STATUS", "a"))).stdout);
  assert.equal(status.code, 50);
  assert.match(status.msg, /ippools\.whereabouts\.cni\.cncf\.io is outdated, it drops spec\.allocations\.\*\.ifname/);
  assert.deepEqual((await entries()).ids, ["before"]);
  assert.equal((await callPlugin(PLUGIN, call("DEL", "before"))).code, 0);
  assert.deepEqual(await entries(), { ids: [], reservations: "" });
  const check = await run([PLUGIN, "check", "--kubeconfig", kube.kubeconfig]);
  assert.match(
    check.stdout,
    /CustomResourceDefinition ippools\.\S+\s+It is outdated, it drops (?:spec\.\S+, )*spec\.allocations\.\*\.ifname, /,
  );
});
