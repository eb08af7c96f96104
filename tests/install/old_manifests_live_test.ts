/**
 * The original's roles with this plugin's programs: what docs/MIGRATION.md adds to them is what they lack.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { translate } from "../../src/cli/old_names.ts";
import { call, type Ran } from "../cli/lab.ts";
import { put } from "../drivers/kubernetes/live.ts";
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { type Kube, kubeconfigOf, makeKube } from "../support/kube.ts";
import { Objects } from "../support/objects.ts";
import { answers } from "./access.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const GROUP = "whereabouts.cni.cncf.io";
const ALL = ["get", "list", "watch", "create", "update", "patch", "delete"];
const READ = ["get", "list", "watch"];

/** A rule of a role. */
interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const rule = (apiGroups: string[], resources: string[], verbs: string[]): Rule => ({ apiGroups, resources, verbs });

/** ClusterRole `whereabouts-cni` of the original: of v0.9.4, and of releases without node slices. */
const ROLES: Readonly<Record<"newest" | "older", readonly Rule[]>> = {
  newest: [
    rule([GROUP], ["ippools", "overlappingrangeipreservations", "nodeslicepools"], ALL),
    rule(["coordination.k8s.io"], ["leases"], ["*"]),
    rule([""], ["pods", "nodes"], READ),
    rule(["k8s.cni.cncf.io"], ["network-attachment-definitions"], READ),
    rule(["", "events.k8s.io"], ["events"], ["create", "patch", "update", "get"]),
  ],
  older: [
    rule([GROUP], ["ippools", "overlappingrangeipreservations"], ALL),
    rule(["coordination.k8s.io"], ["leases"], ["*"]),
    rule([""], ["pods"], ["list", "watch"]),
    rule([""], ["nodes"], ["get"]),
    rule(["k8s.cni.cncf.io"], ["network-attachment-definitions"], READ),
    rule(["", "events.k8s.io"], ["events"], ["create", "patch", "update"]),
  ],
};

/** The rules that docs/MIGRATION.md adds to v0.9.4's role, and further ones for older roles. */
async function documentedRules(): Promise<readonly [newest: readonly Rule[], older: readonly Rule[]]> {
  const text = await Deno.readTextFile(`${ROOT}docs/MIGRATION.md`);
  const [, yaml = ""] = /<!-- rights: [^]*?```yaml\n([^]*?) *```/.exec(text) ?? [];
  const [newest, older] = parseAllDocuments(yaml.replace(/^ {3}/gm, "")).map((one) => one.toJS() as readonly Rule[]);
  assert(newest && older, yaml);
  return [newest, older];
}

/** `VERB RESOURCE.GROUP kube-system [NAME]` for each right of this plugin's own roles. */
async function ownRights(): Promise<string[]> {
  const files = ["rbac.yaml", "controller-rbac.yaml"].map((name) => `${ROOT}install/manifests/${name}`);
  const texts = await Promise.all(files.map((path) => Deno.readTextFile(path)));
  const objects = texts.flatMap((text) => parseAllDocuments(text).map((one) => one.toJS()));
  const rules: readonly Rule[] = objects.filter(({ kind }) => /^(Cluster)?Role$/.test(kind)).flatMap(({ rules }) =>
    rules
  );
  assert(rules.length > 10, `${rules.length} rules`);
  return questionsOf(rules);
}

function questionsOf(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ apiGroups, resources, resourceNames = [""], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.flatMap((name) =>
          verbs.map((verb) => `${verb} ${resource}${group && `.${group}`} kube-system ${name}`.trimEnd())
        )
      )
    )
  );
}

/** Creates an account of a test with a role in the whole cluster. Returns its kubeconfig. */
async function account(kube: Kube, name: string, rules: readonly Rule[]): Promise<string> {
  const role = `${kube.namespace}-${name}`;
  const apiGroup = "rbac.authorization.k8s.io";
  const items = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name } },
    { apiVersion: `${apiGroup}/v1`, kind: "ClusterRole", metadata: { name: role }, rules },
    {
      apiVersion: `${apiGroup}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name: role },
      roleRef: { apiGroup, kind: "ClusterRole", name: role },
      subjects: [{ kind: "ServiceAccount", name, namespace: kube.namespace }],
    },
  ];
  const file = await Deno.makeTempFile({ dir: kube.folder });
  await Deno.writeTextFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  await kube.kubectl("apply", "-f", file);
  const token = (await kube.kubectl("create", "token", name)).trim();
  await Deno.writeTextFile(file, JSON.stringify(kubeconfigOf(kube, { token }, kube.namespace)));
  return file;
}

for (const role of ["newest", "older"] as const) {
  Deno.test(`docs/MIGRATION.md adds to the original's ${role} role exactly the rights that it lacks`, async () => {
    await using kube = await makeKube();
    const [newest, older] = await documentedRules();
    const documented = role === "newest" ? newest : [...newest, ...older];
    const questions = [...new Set(await ownRights())];
    const missing = async (name: string, rules: readonly Rule[]) => {
      await account(kube, name, rules);
      const allowed = await answers(kube, `${kube.namespace}:${name}`, questions);
      return questions.filter((_, i) => !allowed[i]);
    };
    assert.deepEqual((await missing("original", ROLES[role])).toSorted(), questionsOf(documented).toSorted());
    assert.deepEqual(await missing("extended", [...ROLES[role], ...documented]), []);
  });
}

Deno.test("the original's CronJob frees nothing with the original's role, and the leaks with the documented rights", async () => {
  await using kube = await makeKube();
  using objects = new Objects(kube);
  await objects.installAttachments();
  const allocations = { 1: { id: "c", podref: objects.ref("gone"), ifname: "net1" } };
  await put(kube, "IPPool", "10.96.0.0-24", { range: "10.96.0.0/24", allocations });
  const sweep = async (name: string, rules: readonly Rule[]): Promise<Ran> => {
    const kubeconfig = await account(kube, name, rules);
    const env = { WHEREABOUTS_NAMESPACE: kube.namespace };
    return await call(
      { called: "/ip-reconciler", env, openCluster },
      `-kubeconfig=${kubeconfig}`,
      "-log-level=verbose",
    );
  };
  const [newest] = await documentedRules();
  const original = await sweep("original", ROLES.newest);
  assert.match(original.out, /^Nothing to free$/m, original.err);
  assert.match(original.err, /resourceclaims/);
  const extended = await sweep("extended", [...ROLES.newest, ...newest]);
  assert.equal(extended.code, 0, extended.err);
  assert.match(extended.out, /^FREED[^]*^10\.96\.0\.1 .* pod is gone$/m);
});

Deno.test("docs/MIGRATION.md has the command of each program of the original", async () => {
  const text = await Deno.readTextFile(`${ROOT}docs/MIGRATION.md`);
  const rows = [...text.matchAll(/^\| `\/(\S+)( -kubeconfig FILE)?` +\| `whereabouts (\S+)`/gm)];
  assert.equal(rows.length, 6);
  for (const [, name = "", flag = "", command] of rows) {
    assert.equal(translate(name, flag.trim().split(" ").filter((word) => word !== "")).args?.[0], command, name);
  }
});
