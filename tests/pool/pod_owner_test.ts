import assert from "node:assert/strict";
import {
  hasAddress,
  isAnother,
  isAttached,
  isOwn,
  isStatic,
  mayBeNamed,
  mayBeStatic,
  mayHold,
  namesPod,
} from "../../src/pool/pod_owner.ts";
import { assignment, HASH, OTHER_UID, pod, reports, UID } from "./evidence_facts.ts";

Deno.test("namesPod: only namespace/name names a pod", () => {
  assert.deepEqual(["a/b", "", "9f1c", "a/b/c"].map((podRef) => namesPod({ podRef })), [true, false, false, false]);
});

Deno.test("a pod is the owner's, or another, only where both uids are known", () => {
  const owner = (uid?: string) => assignment(uid === undefined ? {} : { uid }).owner;
  assert(isOwn(pod(), owner()));
  assert(!isOwn(pod({ uid: OTHER_UID }), owner()));
  assert(isAnother(pod({ uid: OTHER_UID }), owner()));
  assert(!isAnother(pod({ uid: OTHER_UID }), owner("made up by a runtime")));
  assert(mayBeNamed(pod({ uid: OTHER_UID }), owner("made up by a runtime")));
  assert(!mayBeNamed(pod({ hostNetwork: true }), owner()));
  assert(isOwn(pod({ uid: UID, configHash: HASH }), owner(HASH)));
});

Deno.test("a static pod is known by its uid or its mirror pod, and may be one by its name", () => {
  assert(isStatic(assignment({ uid: HASH }).owner, undefined));
  assert(isStatic(assignment().owner, pod({ configHash: HASH })));
  assert(!isStatic(assignment().owner, pod()));
  assert(mayBeStatic(assignment({ podRef: "kube-system/dns-n1", uid: "" }).owner, undefined));
  assert(!mayBeStatic(assignment({ podRef: "kube-system/dns-n1" }).owner, undefined));
});

Deno.test("a pod may hold an address unless it reports another one of the range for the interface", () => {
  assert(mayHold(pod(), assignment()));
  assert(mayHold(reports(["10.0.0.5"]), assignment()));
  assert(mayHold(reports(["10.9.0.9"]), assignment()));
  assert(!mayHold(reports(["10.0.0.9"]), assignment()));
});

Deno.test("isAttached: only an address of a network other than the default one attaches a pod", () => {
  const listed = (network: string | undefined, ips?: readonly string[]) =>
    isAttached(
      pod({ interfaces: [{ ifName: "net1", ...(network !== undefined && { network }), ...(ips && { ips }) }] }),
    );
  assert.deepEqual(
    [listed("default/net", ["10.0.0.1"]), listed("", ["10.0.0.1"]), listed(undefined, ["10.0.0.1"])],
    [true, true, false],
  );
  assert.deepEqual([listed("default/net", []), listed("default/net"), isAttached(pod())], [false, false, false]);
});

Deno.test("hasAddress: a pod has the addresses of its interfaces and of its status", () => {
  const one = pod({
    interfaces: [{ ifName: "eth0" }, { ifName: "net1", ips: ["10.0.0.1"] }],
    addresses: ["10.244.0.5"],
  });
  assert.deepEqual(["10.0.0.1", "10.244.0.5", "10.0.0.2"].map((text) => hasAddress(one, text)), [true, true, false]);
  assert(!hasAddress(pod(), "10.0.0.1"));
});
