import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { NODE_VERBS } from "../../drivers/kubernetes/inspect.ts";
import { VERSION } from "../../src/version.ts";
import { binary, callPlugin } from "../support/binary.ts";
import { type Kube, kubeconfigOf, makeKube } from "../support/kube.ts";

const MANIFESTS = new URL("../../install/manifests/", import.meta.url).pathname;
const PLUGIN = await binary();

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

async function documents(name: string) {
  const text = await Deno.readTextFile(`${MANIFESTS}${name}`);
  return parseAllDocuments(text).map((document) => document.toJS());
}

async function nodeRules(): Promise<readonly Rule[]> {
  return (await documents("rbac.yaml")).find(({ kind }) => kind === "ClusterRole").rules;
}

/** A kubeconfig of a service account with these rights in the test's namespace. */
async function accountWith(kube: Kube, rules: readonly Rule[]): Promise<string> {
  const name = `account-${crypto.randomUUID().slice(0, 8)}`;
  const metadata = { name, namespace: kube.namespace };
  const subjects = [{ kind: "ServiceAccount", ...metadata }];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name };
  const apiVersion = "rbac.authorization.k8s.io/v1";
  const items = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    { apiVersion, kind: "Role", metadata, rules },
    { apiVersion, kind: "RoleBinding", metadata, roleRef, subjects },
  ];
  const file = await Deno.makeTempFile({ dir: kube.folder });
  await Deno.writeTextFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  await kube.kubectl("apply", "-f", file);
  const token = (await kube.kubectl("create", "token", name)).trim();
  await Deno.writeTextFile(file, JSON.stringify(kubeconfigOf(kube, { token }, kube.namespace)));
  return file;
}

function call(kubeconfig: string, verb: string, pod: string, more: Record<string, unknown> = {}) {
  const ipam = { type: "whereabouts", log_level: "error", kubernetes: { kubeconfig }, range: "10.71.0.0/24" };
  const conf = { cniVersion: "1.1.0", name: "net", ipam: { ...ipam, ...more } };
  const attached = { ...conf, ...(more.prevResult !== undefined && { prevResult: more.prevResult }) };
  return callPlugin(PLUGIN, { verb, conf: attached, containerId: `c-${pod}`, pod });
}

Deno.test("the API server accepts the manifests, and a second apply changes nothing", async () => {
  await using kube = await makeKube();
  await kube.kubectl("apply", "--dry-run=server", "-k", MANIFESTS);
  const first = await kube.kubectl("apply", "-k", MANIFESTS);
  assert.match(first, /daemonset\.apps\/whereabouts/);
  assert.match(await kube.kubectl("apply", "-k", MANIFESTS), /daemonset\.apps\/whereabouts unchanged/);
});

Deno.test("the DaemonSet runs this version, unprivileged, with a read-only root file system", async () => {
  const [daemonSet] = await documents("daemonset.yaml");
  const { spec } = daemonSet.spec.template;
  const [container] = spec.containers;
  assert.equal(container.image, `whereabouts:${VERSION}`);
  assert.equal(container.securityContext.privileged, false);
  assert.equal(container.securityContext.readOnlyRootFilesystem, true);
  assert.deepEqual(container.securityContext.capabilities, { drop: ["ALL"] });
  const volumes = spec.volumes.map(({ name }: { name: string }) => name).sort();
  assert.deepEqual(container.volumeMounts.map(({ name }: { name: string }) => name).sort(), volumes);
});

Deno.test("the node's role has no wildcard, and matches what preflight checks", async () => {
  const rules = await nodeRules();
  const allowed = rules.flatMap(({ resources, verbs }) => resources.map((one) => [one, [...verbs].sort()]));
  const asked = Object.entries(NODE_VERBS).map(([resource, verbs]) => [resource, [...verbs].sort()]);
  assert.deepEqual(Object.fromEntries(allowed), Object.fromEntries(asked));
});

Deno.test("the node's role suffices for ADD, CHECK, STATUS and DEL", async () => {
  await using kube = await makeKube();
  const kubeconfig = await accountWith(kube, await nodeRules());
  for (const pod of ["web-0", "web-1"]) {
    const added = await call(kubeconfig, "ADD", pod);
    assert.equal(added.code, 0, added.stdout);
    const prevResult = JSON.parse(added.stdout);
    for (const verb of ["CHECK", "STATUS", "DEL", "DEL"]) {
      const { code, stdout } = await call(kubeconfig, verb, pod, { prevResult });
      assert.equal(code, 0, `${verb}: ${stdout}`);
    }
  }
  assert.equal((await kube.kubectl("get", "overlappingrangeipreservations", "-o", "name")).trim(), "");
});

/** A missing right, and the call that it breaks, after an ADD of another pod if that is needed. */
const NEEDED: readonly (readonly [resource: string, verb: string, command: "ADD" | "DEL" | "STATUS"])[] = [
  ["ippools", "get", "ADD"],
  ["ippools", "list", "STATUS"],
  ["ippools", "create", "ADD"],
  ["ippools", "patch", "DEL"],
  ["overlappingrangeipreservations", "create", "ADD"],
  ["overlappingrangeipreservations", "delete", "DEL"],
];

for (const [resource, verb, command] of NEEDED) {
  Deno.test(`the node's role without ${verb} ${resource} does not suffice for ${command}, and the message names the resource`, async () => {
    await using kube = await makeKube();
    const rules = await nodeRules();
    const kubeconfig = await accountWith(kube, rules);
    if (command === "DEL") {
      const { code, stdout } = await call(kubeconfig, "ADD", "web-0");
      assert.equal(code, 0, stdout);
    }
    const less = rules.map((rule) =>
      rule.resources.includes(resource) ? { ...rule, verbs: rule.verbs.filter((one) => one !== verb) } : rule
    );
    Deno.copyFileSync(await accountWith(kube, less), kubeconfig); // a DEL uses the kubeconfig of its ADD
    const { code, stdout } = await call(kubeconfig, command, "web-0");
    assert.equal(code, 1, stdout);
    assert.match(stdout, new RegExp(resource));
  });
}
