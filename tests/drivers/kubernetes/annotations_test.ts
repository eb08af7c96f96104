import assert from "node:assert/strict";
import { annotate, annotationsOf, readAnnotations } from "../../../drivers/kubernetes/annotations.ts";

const NETWORK = "whereabouts.cni.cncf.io/network";
const NODE = "whereabouts.cni.cncf.io/node";
const path = (name: string) => `/metadata/annotations/whereabouts.cni.cncf.io~1${name}`;

Deno.test("annotationsOf and readAnnotations are each other's inverse; an object without ours says nothing", () => {
  for (
    const domain of [{ network: "" }, { network: "blue" }, { network: "", node: "n1" }, { network: "b", node: "n" }]
  ) {
    assert.deepEqual(readAnnotations({ annotations: annotationsOf(domain) }), domain);
  }
  for (const annotations of [undefined, {}, { other: "x" }, { [NODE]: "n1" }]) {
    assert.equal(readAnnotations(annotations ? { annotations } : {}), undefined);
  }
});

Deno.test("annotate makes the annotations say it, and leaves those of others", () => {
  const domain = { network: "blue", node: "n1" };
  assert.deepEqual(annotate({}, domain), [
    { op: "add", path: "/metadata/annotations", value: { [NETWORK]: "blue", [NODE]: "n1" } },
  ]);
  const all = { [NETWORK]: "blue", [NODE]: "n1", other: "x" };
  assert.deepEqual(annotate({ annotations: all }, domain), []);
  assert.deepEqual(annotate({ annotations: { ...all, [NODE]: "n2" } }, domain), [
    { op: "add", path: path("node"), value: "n1" },
  ]);
  assert.deepEqual(annotate({ annotations: all }, { network: "" }), [
    { op: "add", path: path("network"), value: "" },
    { op: "remove", path: path("node") },
  ]);
  assert.deepEqual(annotate({ annotations: { other: "x" } }, { network: "" }), [
    { op: "add", path: path("network"), value: "" },
  ]);
});
