import assert from "node:assert/strict";
import { RAW_KINDS } from "../../src/controllers/raw_objects.ts";
import { isOurEvent, select } from "../../src/sysdump/select.ts";

const SECRET = "s3cretValue99";

/** A member in every place of an object that a report leaves out. */
const OBJECT = {
  apiVersion: "v1",
  metadata: {
    name: "a",
    annotations: { "whereabouts.cni.cncf.io/node": "n1", "kubectl.kubernetes.io/last-applied-configuration": SECRET },
    labels: { x: SECRET },
    managedFields: [SECRET],
  },
  data: { token: SECRET },
  message: `password: ${SECRET}`,
  spec: {
    containers: [{
      name: "c",
      image: "whereabouts:1",
      args: ["controller", `--etcd-host=http://u:${SECRET}@h`],
      env: [{ name: "PASSWORD", value: SECRET }],
      lifecycle: { postStart: { exec: { command: [SECRET] } } },
    }],
    template: {
      spec: { containers: [{ name: "c", env: [{ name: "X", value: SECRET }] }], imagePullSecrets: [SECRET] },
    },
    config: JSON.stringify({ type: "macvlan", ipam: { etcd_password: SECRET, range: "10.0.0.0/24" } }),
  },
  status: { conditions: [], nodeInfo: { machineID: SECRET }, images: [{ names: [SECRET] }], message: SECRET },
};

for (const kind of [...RAW_KINDS, "pods"] as const) {
  Deno.test(`select keeps names and leaves out secrets of ${kind}`, () => {
    // the custom resources are ours: they have no such members, and are kept whole
    const isOwn = /^(ippools|overlapping|nodeslice|ipamclaims)/.test(kind);
    const isWorkload = ["daemonsets", "deployments", "cronjobs"].includes(kind);
    const object = isOwn ? { ...OBJECT, spec: {}, status: {} } : isWorkload ? { ...OBJECT, status: {} } : OBJECT;
    const shown = select(kind, object) as { readonly metadata: Record<string, unknown> };
    assert.equal(JSON.stringify(shown).includes(SECRET), false, JSON.stringify(shown));
    assert.deepEqual(shown.metadata, { name: "a", annotations: { "whereabouts.cni.cncf.io/node": "n1" } });
  });
}

Deno.test("select keeps what a report needs of a pod and of a definition", () => {
  const pod = select("pods", OBJECT) as { readonly spec: { readonly containers: readonly unknown[] } };
  assert.deepEqual(pod.spec.containers, [{
    name: "c",
    image: "whereabouts:1",
    args: ["controller", "…@h"],
    env: [{ name: "PASSWORD" }],
  }]);
  const definition = select("network-attachment-definitions", OBJECT) as { readonly spec: unknown };
  assert.deepEqual(definition.spec, {
    config: { type: "macvlan", ipam: { etcd_password: "[omitted: login]", range: "10.0.0.0/24" } },
  });
});

Deno.test("isOurEvent: about our objects and pods, by our programs, or about the plugin", () => {
  const pods = new Set(["kube-system/whereabouts-x"]);
  const event = (kind: string, name: string, more = {}) => ({
    involvedObject: { kind, namespace: "kube-system", name },
    message: "",
    ...more,
  });
  assert(isOurEvent(event("IPPool", "10.0.0.0-24"), pods));
  assert(isOurEvent(event("Pod", "whereabouts-x"), pods));
  assert(isOurEvent(event("Pod", "web", { source: { component: "whereabouts-controller" } }), pods));
  assert(isOurEvent(event("Pod", "web", { message: 'plugin type="whereabouts" failed' }), pods));
  assert(!isOurEvent(event("Pod", "web"), pods));
  assert(!isOurEvent("nonsense", pods));
});
