/**
 * The hints for authors of definitions, on a real API server: each mistake has its warning, and nothing is refused.
 *
 * @module
 */
import assert from "node:assert/strict";
import { assets } from "../support/assets.ts";
import { CHART, objectsOf, refused, template, withoutHelmLabels } from "../support/helm.ts";
import { ControlPlane, namespaceOf } from "../support/kube.ts";
import { Objects } from "../support/objects.ts";
import { eventually, must, run } from "../support/process.ts";

const KUBECTL = `${await assets("controlPlane")}/kubectl`;
const EXAMPLES = new URL("../../docs/examples/", import.meta.url).pathname;

Deno.test("the chart renders the hints of the kustomization if enabled, and none by default", async () => {
  assert.doesNotMatch(await template(), /definition-hints/);
  const expected = objectsOf(await must([KUBECTL, "kustomize", `${CHART}/hints`]));
  assert.equal(expected.size, 2);
  const rendered = objectsOf(await template("--set", "definitionHints.enabled=true"));
  for (const [key, object] of expected) assert.deepEqual(withoutHelmLabels(rendered.get(key)), object);
  const other = await template("--set", "definitionHints.enabled=true,fullnameOverride=second");
  assert.match(other, /policyName: second-definition-hints\n/);
  const old = await refused("--set", "definitionHints.enabled=true", "--kube-version", "1.29.15");
  assert.match(old, /definitionHints\.enabled: .* 1\.30 or newer, got v1\.29\.15/);
});

/** Texts of `spec.config`, and the hints on them. */
const CASES: readonly (readonly [config: string, hints: readonly RegExp[]])[] = [
  ['{"type": "macvlan", "ipam": {"type": "whereabouts", "range": "10.0.0.0/24"}}', []],
  ['{"type": "macvlan", "ipam": {"type": "whereabouts", "ipRanges": [{"range": "fd00::/64"}]}}', []],
  ['{"type": "macvlan", "ipam": {"type": "whereabouts", "range": "10.0.0.1-10.0.0.9/24"}}', []],
  ['{"type": "macvlan", "ipam": {"type": "static"}}', []],
  ['{"type": "macvlan", "ipam": {"type": "whereabouts", "rnge": "10.0.0.0/24"}}', [
    /has no range, ipRanges or addresses/,
  ]],
  ['{"type": "macvlan", "ipam": {"type": "whereabouts", "range": "10.0.0.0"}}', [/range has no prefix length/]],
  ['{"type": "macvlan", "ipam": {"type": "whereabouts", "subnet": "10.0.0.0/24"}}', [/subnet is range here/]],
  ['{"type": "macvlan", "ipam": {"type": "whereabouts", "range": "10.0.0.0/24"}', []], // braces that do not match: CEL cannot count them
  ['"type": "whereabouts", "range": "10.0.0.0/24"', [/expected a JSON object/]],
  [
    '{"ipam": {"type": "whereabouts", "range": "10.0.0.0/24", "etcd_password": "x"}}',
    [/etcd_password is readable by everyone/],
  ],
  ...["wherabouts", "whereabout", "Whereabouts", "whereabuts", "where-abouts", "wereabouts"].map((type) =>
    [`{"ipam": {"type": "${type}", "range": "10.0.0.0/24"}}`, [/resembles "whereabouts"/]] as const
  ),
];

Deno.test("kubectl shows a hint on each mistake that CEL can see, creates the definition, and shows none on the examples", async () => {
  await using plane = await ControlPlane.start({ crds: false }); // a policy applies to the whole cluster
  const kube = await namespaceOf(plane.facts);
  using objects = new Objects(kube);
  await objects.installAttachments();
  await kube.kubectl("apply", "-k", `${CHART}/hints`);
  const create = async (config: string) => {
    const definition = {
      apiVersion: "k8s.cni.cncf.io/v1",
      kind: "NetworkAttachmentDefinition",
      metadata: { generateName: "hint-" },
      spec: { config },
    };
    const command = [KUBECTL, "--kubeconfig", kube.kubeconfig, "create", "--dry-run=server", "-f", "-"];
    const { code, stderr } = await run(command, { stdin: JSON.stringify(definition) });
    assert.equal(code, 0, stderr);
    return stderr.split("\n").filter((line) => line !== "");
  };
  await eventually("the policy in effect", async () => (await create(CASES[4]?.[0] ?? "")).length > 0);
  for (const [config, hints] of CASES) {
    const shown = await create(config);
    assert.equal(shown.length, hints.length, `${config}\n${shown.join("\n")}`);
    for (const [i, hint] of hints.entries()) assert.match(shown[i] ?? "", hint);
  }
  const files = [...Deno.readDirSync(EXAMPLES)].flatMap(({ name }) =>
    name.endsWith(".yaml") ? ["-f", EXAMPLES + name] : []
  );
  assert(files.length >= 2 * 15);
  const flags = ["--kubeconfig", kube.kubeconfig, "apply", "--dry-run=server"];
  const { stdout, stderr } = await run([KUBECTL, ...flags, ...files]);
  assert.match(stdout, /networkattachmentdefinition\.k8s\.cni\.cncf\.io\/\S+ created/);
  assert.doesNotMatch(stderr, /spec\.config/);
});
