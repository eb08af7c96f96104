/**
 * Values that the chart refuses, with messages that name them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { CHART, refused, template } from "../support/helm.ts";

/** Settings that the schema refuses, and the text of the message. */
const INVALID: readonly (readonly [setting: string, message: RegExp])[] = [
  ["imge.tag=v1", /additional properties 'imge' not allowed/],
  ["image.tga=v1", /at '\/image': additional properties 'tga'/],
  ["node.podAnotations.a=b", /at '\/node': additional properties 'podAnotations'/],
  ["controller.replicas=two", /at '\/controller\/replicas': got string, want integer/],
  ["controller.enabled=yes", /at '\/controller\/enabled': got string, want boolean/],
  ["metrics.agent.port=99999", /at '\/metrics\/agent\/port': maximum/],
  ["metrics.agent.host=0.0.0.0", /at '\/metrics\/agent': additional properties 'host'/],
  ["image.repository=", /at '\/image\/repository'/],
  ["image.tag=@sha256:abc", /at '\/image\/tag'/],
  ["image.digest=sha256:abc", /at '\/image\/digest'/],
  ["image.pullPolicy=Sometimes", /at '\/image\/pullPolicy': value must be one of/],
  ["distribution=rke", /at '\/distribution': value must be one of 'standard', 'k3s'/],
  ["cniConf.binDir=opt/cni/bin", /at '\/cniConf\/binDir'/],
  ["log.level=verbose", /at '\/log\/level': value must be one of 'error'/],
  ["deadNodeGrace=soon", /at '\/deadNodeGrace'/],
  ["node.updateStrategy.type=Recreate", /at '\/node\/updateStrategy\/type'/],
  ["node.resources.limit.cpu=1", /at '\/node\/resources': additional properties 'limit'/],
  ["networkPolicy.apiServerPorts[0]=https", /at '\/networkPolicy\/apiServerPorts\/0'/],
];

Deno.test("the schema of the chart refuses unknown names, wrong types and invalid texts", async () => {
  for (const [setting, message] of INVALID) assert.match(await refused("--set", setting), message, setting);
});

Deno.test("the chart refuses values of the original's chart by name, all in one message", async () => {
  const advice: Record<string, string> = parse(await Deno.readTextFile(`${CHART}/files/original-values.yaml`));
  const names = Object.keys(advice);
  const message = await refused(...names.flatMap((name) => ["--set", `${name}.some=thing`]));
  for (const name of names) assert.ok(message.includes(`  ${name}: ${advice[name]}\n`), name);
});

Deno.test("the chart refuses the original's image", async () => {
  const setting = "image.repository=ghcr.io/k8snetworkplumbingwg/whereabouts";
  assert.match(await refused("--set", setting), /image\.repository: its image has other commands/);
});

Deno.test("the chart refuses the admission policy on a version of Kubernetes without its API", async () => {
  const enabled = ["--set", "admissionPolicy.enabled=true", "--kube-version"];
  assert.match(await refused(...enabled, "1.29.15"), /admissionPolicy\.enabled: .* 1\.30 or newer, got v1\.29\.15/);
  assert.match(await template(...enabled, "1.30.0-gke.1"), /kind: ValidatingAdmissionPolicy\n/);
});

/** The values of the original's chart that this chart has under the same name. */
const SAME = [
  "image.pullPolicy=Always",
  "image.tag=v1",
  "imagePullSecrets[0].name=pull",
  "nameOverride=second",
  "fullnameOverride=second",
  "namespaceOverride=other",
  "cniConf.binDir=/usr/libexec/cni",
  "cniConf.confDir=/etc/other",
];

Deno.test("the chart honours the other values of the original's chart", async () => {
  const plain = await template();
  for (const setting of SAME) assert.notEqual(await template("--set", setting), plain, setting);
});

Deno.test("the chart can be a dependency with a condition", async () => {
  assert.equal(await template("--set", "enabled=true"), await template());
});
