import assert from "node:assert/strict";
import { kubectlFlags, nextCommand, storeFlags } from "../../src/cli/next_step.ts";
import { type FindingKind, KINDS, NO_OWNER } from "../../src/pool/finding.ts";

const STORE = { program: "whereabouts", store: "", kubectl: " --namespace kube-system" };

function next(kind: FindingKind, more: Record<string, string> = {}): string | undefined {
  const finding = { ...NO_OWNER, kind, subject: "entry" as const, pool: "", message: "", ...more };
  return nextCommand(kind, [finding, { ...finding, address: "10.0.0.9" }], STORE);
}

Deno.test("nextCommand has a command for each kind of finding", () => {
  const more = { address: "10.0.0.1", pool: "web/net a", podRef: "web/a" };
  for (const kind of Object.keys(KINDS) as FindingKind[]) assert(next(kind, more), kind);
});

Deno.test("nextCommand names the objects of the findings", () => {
  const addressed = { address: "10.0.0.1", podRef: "web/a", pool: "10.0.0.0/24" };
  assert.equal(next("orphan", addressed), "whereabouts reconcile --dry-run");
  assert.equal(next("duplicate", addressed), "whereabouts who-has 10.0.0.1 10.0.0.9");
  assert.equal(next("outside-range", addressed), "whereabouts show 10.0.0.0/24 -o wide");
  assert.equal(next("same-interface-twice", addressed), "kubectl -n web delete pod a");
  assert.equal(
    next("unusable-network", { pool: "web/broken" }),
    "kubectl -n web edit network-attachment-definition broken",
  );
  assert.equal(
    next("slices-overlap", { pool: "sliced" }),
    "kubectl get nodeslicepool sliced -o yaml --namespace kube-system",
  );
  assert.equal(
    next("unreadable", { pool: "IPPool 10.0.0.0-24" }),
    "kubectl get IPPool 10.0.0.0-24 -o yaml --namespace kube-system",
  );
  assert.equal(nextCommand("slices-overlap", [], { ...STORE, kubectl: undefined }), undefined);
});

Deno.test("storeFlags and kubectlFlags select the same store again, quoted for a shell", () => {
  assert.equal(storeFlags({ database: "/tmp/it's here.db" }, undefined), " --database '/tmp/it'\\''s here.db'");
  assert.equal(
    storeFlags({ kubeconfig: "/k", context: "a@b" }, "kube-system"),
    " --kubeconfig /k --context a@b --namespace kube-system",
  );
  assert.equal(kubectlFlags({ kubeconfig: "/k" }, "ns"), " --namespace ns --kubeconfig /k");
});
