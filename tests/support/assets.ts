// deno-lint-ignore-file no-console -- progress of long work goes to standard error
/**
 * The real servers tests run against: found, or built from Go modules and kept.
 *
 * `deno run -A tests/support/assets.ts [GROUP…]` builds ahead of time. Groups: `controlPlane` (the default), `actionlint`, `cluster`, `plugins`,
 * `etcd`, `helm`, `krew`, `original` (the Go plugin). `WHEREABOUTS_TEST_KUBERNETES=1.35.4` chooses another version of Kubernetes, here and for
 * every live test.
 *
 * @module
 */
import { isInstalled, must, run } from "./process.ts";

/** The version that CI runs; another one by `WHEREABOUTS_TEST_KUBERNETES`. */
const KUBERNETES = "1.36.3";

/** The reference CNI plugins that tests and nodes use; a container runtime needs `loopback`. */
const PLUGINS = ["main/bridge", "main/macvlan", "main/loopback", "ipam/host-local"].map((path) => ({
  name: path.replace(/.*\//, ""),
  source: `github.com/containernetworking/plugins/plugins/${path}`,
  usually: "20 s",
}));

const ORIGINAL = "github.com/k8snetworkplumbingwg/whereabouts";

/** Programs of modules of their own. */
const MODULES: Readonly<
  Record<string, { readonly module: string; readonly version: string; readonly imported: string }>
> = {
  actionlint: {
    module: "github.com/rhysd/actionlint",
    version: "v1.7.12",
    imported: "github.com/rhysd/actionlint/cmd/actionlint",
  },
  helm: { module: "helm.sh/helm/v3", version: "v3.22.0", imported: "helm.sh/helm/v3/cmd/helm" },
  krew: { module: "sigs.k8s.io/krew", version: "v0.4.3", imported: "sigs.k8s.io/krew/cmd/krew" },
  multus: {
    module: "gopkg.in/k8snetworkplumbingwg/multus-cni.v4",
    version: "v4.2.4",
    imported: "gopkg.in/k8snetworkplumbingwg/multus-cni.v4/pkg/multus",
  },
  ...Object.fromEntries(PLUGINS.map(({ name, source }) => [
    name,
    { module: "github.com/containernetworking/plugins", version: "v1.10.0", imported: source },
  ])),
  "whereabouts-original": { module: ORIGINAL, version: "v0.9.4", imported: `${ORIGINAL}/pkg/storage/kubernetes` },
};

interface Binary {
  readonly name: string;
  readonly source: string;
  /** How long it took on two cores with nothing cached. */
  readonly usually: string;
}

const ETCD = { name: "etcd", source: "go.etcd.io/etcd/server/v3", usually: "30 s" };

const GROUPS = {
  etcd: [ETCD],
  controlPlane: [
    ETCD,
    { name: "kube-apiserver", source: "k8s.io/kubernetes/cmd/kube-apiserver", usually: "4 min" },
    { name: "kubectl", source: "k8s.io/kubernetes/cmd/kubectl", usually: "40 s" },
  ],
  cluster: [
    { name: "kube-controller-manager", source: "k8s.io/kubernetes/cmd/kube-controller-manager", usually: "40 s" },
    { name: "kube-scheduler", source: "k8s.io/kubernetes/cmd/kube-scheduler", usually: "20 s" },
    { name: "kubelet", source: "k8s.io/kubernetes/cmd/kubelet", usually: "40 s" },
    { name: "multus", source: "gopkg.in/k8snetworkplumbingwg/multus-cni.v4/cmd/multus", usually: "45 s" },
  ],
  actionlint: [{ name: "actionlint", source: "github.com/rhysd/actionlint/cmd/actionlint", usually: "15 s" }],
  plugins: PLUGINS,
  helm: [{ name: "helm", source: "helm.sh/helm/v3/cmd/helm", usually: "80 s" }],
  krew: [{ name: "krew", source: "sigs.k8s.io/krew/cmd/krew", usually: "20 s" }],
  original: [{ name: "whereabouts-original", source: `${ORIGINAL}/cmd`, usually: "60 s" }],
} as const satisfies Record<string, readonly Binary[]>;

/** Where Debian's etcd-server has it: old, yet enough for tests of etcd alone. */
const DEBIAN = "/usr/bin";

const NO_GO =
  "Go is not installed. Install Go 1.26 or newer, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and " +
  "kubectl (setup-envtest makes one)";

/** Binaries that belong together. */
export type AssetGroup = keyof typeof GROUPS;

/**
 * The version of Kubernetes whose servers tests start, without a leading v.
 *
 * @throws an Error when `WHEREABOUTS_TEST_KUBERNETES` is no version
 */
export function kubernetesVersion(): string {
  const version = Deno.env.get("WHEREABOUTS_TEST_KUBERNETES") || KUBERNETES;
  if (/^1\.\d+\.\d+$/.test(version)) return version;
  throw new Error(`WHEREABOUTS_TEST_KUBERNETES: expected a version like ${KUBERNETES}, got "${version}"`);
}

/** Where built things are kept: `WHEREABOUTS_TEST_CACHE`, else the user's cache folder. */
export function cacheFolder(): string {
  const home = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  return Deno.env.get("WHEREABOUTS_TEST_CACHE") ?? `${home}/whereabouts-test`;
}

/**
 * The folder that holds a group's binaries: `KUBEBUILDER_ASSETS` where it has them all, else the cache, where what is missing is built.
 * Processes that ask at once build once.
 *
 * @throws an Error that says what to install when something is missing
 */
export async function assets(group: AssetGroup = "controlPlane"): Promise<string> {
  const binaries: readonly Binary[] = GROUPS[group];
  // programs of modules of their own are the same beside every version of Kubernetes
  const version = binaries.every(({ name }) => name in MODULES) ? KUBERNETES : kubernetesVersion();
  const folder = `${cacheFolder()}/kubernetes-v${version}`;
  for (const ready of [Deno.env.get("KUBEBUILDER_ASSETS"), folder]) {
    if (ready && missing(ready, binaries).length === 0) return ready;
  }
  if (!await isInstalled("go")) {
    if (group === "etcd" && exists(`${DEBIAN}/etcd`)) return DEBIAN;
    const names = missing(folder, binaries).map(({ name }) => name).join(", ");
    throw new Error(`Cannot build ${names} (Kubernetes ${version}): ${NO_GO}`);
  }
  await Deno.mkdir(folder, { recursive: true });
  using _lock = await lockFolder(folder);
  await removeLeftovers(folder);
  for (const binary of missing(folder, binaries)) await build(folder, binary);
  return folder;
}

/** Waits until no other process works in the folder. The lock goes when it is disposed, and with the process. */
export async function lockFolder(folder: string): Promise<Disposable> {
  const lock = await Deno.open(`${folder}/.lock`, { create: true, write: true });
  if (!await lock.tryLock(true)) {
    say(`waiting for another process that works in ${folder}`);
    await lock.lock(true);
  }
  return lock;
}

/** What a killed process was building in. */
async function removeLeftovers(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith("build-")) await Deno.remove(`${folder}/${name}`, { recursive: true });
  }
}

function say(text: string): void {
  console.error(`assets: ${text}`);
}

function missing(folder: string, binaries: readonly Binary[]): readonly Binary[] {
  return binaries.filter(({ name }) => !exists(`${folder}/${name}`));
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Linker flags that make Kubernetes' programs report their version. */
function versionFlags(): string {
  const version = kubernetesVersion();
  const [major, minor] = version.split(".");
  const variables = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor };
  return Object.entries(variables).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`).join(
    " ",
  );
}

async function build(folder: string, { name, source, usually }: Binary): Promise<void> {
  const start = Date.now();
  say(`building ${name} from Go modules (usually ${usually} the first time)`);
  const work = await Deno.makeTempDir({ dir: folder, prefix: "build-" });
  const ticker = setInterval(() => say(`still building ${name}, ${Math.round((Date.now() - start) / 1000)} s`), 30_000);
  try {
    await writeModule(work, MODULES[name]);
    const env = { CGO_ENABLED: "0", GOFLAGS: "-mod=mod" };
    await must(["go", "build", "-ldflags", `-s -w ${versionFlags()}`, "-o", `${work}/${name}`, source], {
      cwd: work,
      env,
    });
    await Deno.rename(`${work}/${name}`, `${folder}/${name}`);
    say(`built ${name} in ${Math.round((Date.now() - start) / 1000)} s`);
  } finally {
    clearInterval(ticker);
    await Deno.remove(work, { recursive: true });
  }
}

/** A module that requires what is built. Kubernetes' staging modules are replaced by their published versions. */
async function writeModule(work: string, own: (typeof MODULES)[string] | undefined): Promise<void> {
  if (own) {
    const { module, version, imported } = own;
    await Deno.writeTextFile(`${work}/go.mod`, `module assets\n\ngo 1.24\n\nrequire ${module} ${version}\n`);
    await Deno.writeTextFile(`${work}/tools.go`, `//go:build tools\n\npackage tools\n\nimport _ "${imported}"\n`);
  } else {
    const version = kubernetesVersion();
    const { GoMod } = JSON.parse(
      await must(["go", "mod", "download", "-json", `k8s.io/kubernetes@v${version}`], { cwd: work }),
    );
    const original = await Deno.readTextFile(GoMod);
    const staging = [...original.matchAll(/^\s*(?:replace )?(k8s\.io\/\S+) => \.\/staging/gm)].map(([, module]) =>
      module
    );
    const go = /^go (\S+)/m.exec(original)?.[1];
    const replaces = staging.map((module) => `\t${module} => ${module} v${version.replace(/^1/, "0")}`).join("\n");
    const file = `module assets\n\ngo ${go}\n\nrequire k8s.io/kubernetes v${version}\n\nreplace (\n${replaces}\n)\n`;
    await Deno.writeTextFile(`${work}/go.mod`, file);
    const imports = [...GROUPS.controlPlane, ...GROUPS.cluster].filter(({ name }) => !(name in MODULES));
    const lines = imports.map(({ source }) => `\t_ "${source}"`).join("\n");
    await Deno.writeTextFile(`${work}/tools.go`, `//go:build tools\n\npackage tools\n\nimport (\n${lines}\n)\n`);
  }
  const tidied = await run(["go", "mod", "tidy"], { cwd: work });
  if (tidied.code !== 0) throw new Error(`Cannot resolve Go modules: ${tidied.stderr.trim()}`);
}

async function main(groups: readonly string[]): Promise<void> {
  for (const group of groups.length > 0 ? groups : ["controlPlane"]) {
    if (!(group in GROUPS)) throw new Error(`Unknown group "${group}": wanted ${Object.keys(GROUPS).join(", ")}`);
    console.log(await assets(group as AssetGroup));
  }
}

if (import.meta.main) {
  await main(Deno.args).catch((error) => {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  });
}
