import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { FLAT_FILES } from "../../src/config/files.ts";
import { readSettings } from "../../src/install/settings.ts";
import { VERSION } from "../../src/version.ts";

const MANIFESTS = new URL("../../install/manifests/", import.meta.url);

/** The images that the Dockerfile builds. */
const IMAGES = [`whereabouts:${VERSION}`, `whereabouts-reconciler:${VERSION}`];

interface Container {
  readonly name: string;
  readonly image: string;
  readonly securityContext: Record<string, unknown>;
  readonly resources: { readonly requests: Record<string, string>; readonly limits: Record<string, string> };
  readonly startupProbe?: unknown;
  readonly livenessProbe?: unknown;
  readonly readinessProbe?: unknown;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes?: readonly {
    readonly name: string;
    readonly hostPath?: unknown;
    readonly configMap?: { readonly items?: readonly { readonly key: string }[] };
  }[];
  readonly securityContext?: Record<string, unknown>;
  readonly serviceAccountName: string;
  readonly hostNetwork?: boolean;
}

/** Every object of the kustomization. */
async function objects() {
  const kustomization = await read("kustomization.yaml");
  return (await Promise.all(kustomization[0].resources.map(read))).flat();
}

async function read(name: string) {
  return parseAllDocuments(await Deno.readTextFile(new URL(name, MANIFESTS))).map((document) => document.toJS());
}

async function podSpecs(): Promise<Map<string, PodSpec>> {
  const found = new Map<string, PodSpec>();
  for (const { kind, metadata, spec } of await objects()) {
    const template = spec?.jobTemplate?.spec.template ?? spec?.template;
    if (template) found.set(`${kind}/${metadata.name}`, template.spec);
  }
  return found;
}

/** Manifests that an operator applies only if a network needs them: docs/PERSISTENT.md, docs/OPERATIONS.md. */
const OPTIONAL = ["elastic-rbac.yaml", "persistent-rbac.yaml"];

Deno.test("the kustomization lists every manifest that each installation needs", async () => {
  const [{ resources }] = await read("kustomization.yaml");
  const files: string[] = [];
  for (const folder of ["", "crds/"]) {
    for await (const { name, isFile } of Deno.readDir(new URL(`./${folder}`, MANIFESTS))) {
      if (isFile && name !== "kustomization.yaml") files.push(`${folder}${name}`);
    }
  }
  assert.deepEqual([...resources, ...OPTIONAL].sort(), files.sort());
});

Deno.test("every workload has a fixed version, limits, no privileges and a read-only root file system", async () => {
  const specs = await podSpecs();
  assert.deepEqual([...specs.keys()].sort(), [
    "CronJob/whereabouts-reconciler",
    "DaemonSet/whereabouts",
    "Deployment/whereabouts-controller",
  ]);
  for (const [name, { containers, volumes = [], securityContext: ofPod = {} }] of specs) {
    for (const { image, securityContext, resources, volumeMounts = [] } of containers) {
      assert.ok(IMAGES.includes(image), `${name}: ${image}`);
      for (const one of ["cpu", "memory"]) {
        assert.ok(resources.requests[one] && resources.limits[one], `${name} has no limit or request of ${one}`);
      }
      const { privileged, allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities, seccompProfile } = {
        ...ofPod,
        ...securityContext,
      };
      assert.deepEqual(
        { privileged, allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities, seccompProfile },
        {
          privileged: false,
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
          seccompProfile: { type: "RuntimeDefault" },
        },
        name,
      );
      assert.deepEqual(volumeMounts.map(({ name }) => name).sort(), volumes.map(({ name }) => name).sort());
    }
  }
});

Deno.test("the DaemonSet's probes use the agent's socket, since another process may occupy a port of the host", async () => {
  const [container] = (await podSpecs()).get("DaemonSet/whereabouts")?.containers ?? [];
  const command = ["/usr/bin/whereabouts", "agent", "--probe"];
  const { startupProbe, livenessProbe, readinessProbe } = container ?? {};
  for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
    assert.deepEqual(Object.keys(probe as Record<string, unknown>).filter((key) => !/Seconds$|Threshold$/.test(key)), [
      "exec",
    ]);
    assert.deepEqual((probe as { exec: { command: string[] } }).exec.command, command);
  }
  const dockerfile = await Deno.readTextFile(new URL("../../Dockerfile", import.meta.url));
  assert(dockerfile.includes(`ENTRYPOINT ["${command[0]}"]`), "the probes name the image's program");
});

Deno.test("only the DaemonSet runs as root with access to the host", async () => {
  for (const [name, { securityContext, volumes = [], hostNetwork }] of await podSpecs()) {
    const node = name === "DaemonSet/whereabouts";
    assert.equal(securityContext?.["runAsNonRoot"] ?? false, !node, name);
    assert.equal(volumes.some(({ hostPath }) => hostPath !== undefined), node, name);
    assert.equal(hostNetwork ?? false, node, name);
  }
});

Deno.test("the flat file of the operator is mounted where installer, controller and reconciler read it", async () => {
  const { flatFile } = readSettings(() => undefined, {});
  const specs = await podSpecs();
  for (const [name, { containers, volumes = [] }] of specs) {
    const volume = volumes.find((one) => one.configMap?.items?.some(({ key }) => key === "whereabouts.conf"));
    assert.deepEqual(volume?.configMap, {
      name: "whereabouts-config",
      optional: true,
      items: [{ key: "whereabouts.conf", path: "whereabouts.conf" }],
    }, name);
    const mounts = containers.flatMap(({ volumeMounts = [] }) => volumeMounts).filter((one) =>
      one.name === volume?.name
    );
    assert.deepEqual(mounts.map(({ readOnly }) => readOnly), [true], name);
    const path = `${mounts[0]?.mountPath}/whereabouts.conf`;
    if (name === "DaemonSet/whereabouts") assert.equal(path, flatFile);
    else assert.ok(FLAT_FILES.includes(path), `${name} mounts it at ${path}, where nothing searches`);
  }
});

/** What informs others, wherever their objects are, and changes nothing that we read. */
const REPORTS: readonly string[] = ["events", "ipamclaims/status"];

Deno.test("no role has a wildcard, and write rights are bound in one namespace", async () => {
  const all = await objects();
  const roles = all.filter(({ rules }) => rules);
  assert.equal(roles.length, 4);
  const clusterWide = all.filter(({ kind }) => kind === "ClusterRoleBinding").map(({ roleRef }) => roleRef.name);
  for (const { kind, metadata, rules } of roles) {
    for (const { apiGroups, resources, verbs } of rules) {
      assert.doesNotMatch(JSON.stringify([apiGroups, resources, verbs]), /\*/, metadata.name);
      const reported = resources.length === 1 && REPORTS.includes(resources[0]);
      if (kind !== "ClusterRole" || !clusterWide.includes(metadata.name) || reported) continue;
      const writes = verbs.filter((verb: string) => !["get", "list", "watch"].includes(verb));
      assert.deepEqual(writes, [], `${metadata.name} may change ${resources} in every namespace`);
    }
  }
});

Deno.test("every service account in use is created, and every role is bound to one", async () => {
  const all = await objects();
  const named = (wanted: string) => all.filter(({ kind }) => kind === wanted).map(({ metadata }) => metadata.name);
  const accounts = new Set(named("ServiceAccount"));
  for (const [name, { serviceAccountName }] of await podSpecs()) assert.ok(accounts.has(serviceAccountName), name);
  const bindings = all.filter(({ roleRef }) => roleRef);
  for (const { roleRef, subjects } of bindings) {
    assert.ok(named(roleRef.kind).includes(roleRef.name));
    for (const { name } of subjects) assert.ok(accounts.has(name));
  }
  const bound = bindings.map(({ roleRef }) => `${roleRef.kind}/${roleRef.name}`).sort();
  assert.deepEqual(
    bound,
    [...named("ClusterRole").map((one) => `ClusterRole/${one}`), ...named("Role").map((one) => `Role/${one}`)].sort(),
  );
});
