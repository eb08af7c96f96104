import assert from "node:assert/strict";
import { toAttachment, toPodFacts } from "../../../drivers/kubernetes/facts.ts";

function pod(
  phase: string,
  status: string | undefined,
  more: Record<string, unknown> = {},
): ReturnType<typeof toPodFacts> {
  const annotations = status === undefined ? {} : { "k8s.v1.cni.cncf.io/network-status": status };
  return toPodFacts({
    metadata: { namespace: "default", name: "web-0", annotations, ...more },
    status: { phase, podIPs: [{ ip: "10.244.0.5" }] },
  });
}

Deno.test("toPodFacts reads every address of the annotation and the status, in canonical text", () => {
  const status = JSON.stringify([{ name: "a", ips: ["10.244.0.5"], default: true }, {
    name: "b",
    ips: ["FD00:0::1", "192.168.0.7"],
  }]);
  const { podRef, running, finished, addresses } = pod("Running", status);
  assert.deepEqual([podRef, running, finished], ["default/web-0", true, false]);
  assert.deepEqual([...addresses ?? []].sort(), ["10.244.0.5", "192.168.0.7", "fd00::1"]);
});

Deno.test("toPodFacts knows nothing of a pod whose annotation is missing or cannot be read", () => {
  for (const status of [undefined, "", "{", "{}", "null"]) {
    assert.equal(pod("Running", status).addresses, undefined, status);
  }
});

Deno.test("toPodFacts tells finished pods, and takes one that is being deleted for not running", () => {
  assert.deepEqual(["Pending", "Running", "Succeeded", "Failed", "Unknown"].map((phase) => pod(phase, "[]").finished), [
    false,
    false,
    true,
    true,
    false,
  ]);
  const making = { type: "PodReadyToStartContainers", status: "False" };
  const remade = toPodFacts({ metadata: { name: "web-0" }, status: { phase: "Running", conditions: [making] } });
  assert.equal(remade.running, false, "its sandbox is made anew, and its annotation is that of the former one");
  const made = { ...making, status: "True" };
  assert.equal(toPodFacts({ status: { phase: "Running", conditions: [made] } }).running, true);
  assert.equal(pod("Running", "[]", { deletionTimestamp: new Date(0) }).running, false);
});

Deno.test("toPodFacts keeps the addresses of attachments apart from those of the default network", () => {
  const status = JSON.stringify([{ name: "a", ips: ["10.244.0.5"], default: true }, {
    name: "b",
    ips: ["192.168.0.7"],
  }]);
  assert.deepEqual(pod("Running", status).attached, [{ network: "b", address: "192.168.0.7" }]);
});

Deno.test("toAttachment reads a definition, and one without configuration as empty", () => {
  const metadata = { namespace: "a", name: "b", uid: "c" };
  assert.deepEqual(toAttachment({ metadata, spec: { config: "{}" } }), { ...metadata, config: "{}" });
  assert.deepEqual(toAttachment({ metadata }), { ...metadata, config: "" });
});
