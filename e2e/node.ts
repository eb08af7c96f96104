/**
 * A node: containerd and kubelet as one process tree with namespaces, mounts and control groups of its own.
 *
 * @module
 */
import { writeCertificate } from "../tests/support/certificates.ts";
import { inGroups, makeGroups, planGroups, readControlGroups } from "../tests/support/control_groups.ts";
import { eventually, must, run, Server } from "../tests/support/process.ts";
import { writeKubeconfig } from "./control_plane.ts";
import type { Names } from "./network.ts";
import { ended, hold, pidOf, resume, supervised } from "./supervised.ts";

const INIT = new URL("node_init.sh", import.meta.url).pathname;

/** CNI plugins of a node, with Multus and ours; containerd needs `loopback`. */
export const PLUGINS = ["bridge", "macvlan", "loopback", "host-local"] as const;

/** Starts a node. What is returned ends it with everything that runs on it. */
export async function startNode(
  state: string,
  names: Names,
  number: number,
  binaries: { readonly cluster: string; readonly plugins: string },
): Promise<AsyncDisposable> {
  const node = `node${number}`;
  const folder = `${state}/${node}`;
  for (const name of ["run", "var-lib", "log", "etc-up", "etc-wk", "opt/cni/bin"]) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
  }
  await writeCertificate(state, node, `/O=system:nodes/CN=system:node:${node}`, "extendedKeyUsage=clientAuth");
  await writeKubeconfig(`${folder}/kubelet.kubeconfig`, state, node);
  await Deno.writeTextFile(`${folder}/kubelet.json`, JSON.stringify(kubeletConfig(state)));
  await Deno.writeTextFile(`${folder}/00-multus.conf`, JSON.stringify(multusConfig(number)));
  await Deno.writeTextFile(`${folder}/containerd.toml`, CONTAINERD);
  const programs = [...PLUGINS.map((name) => `${binaries.plugins}/${name}`), `${binaries.cluster}/multus`];
  await must(["cp", ...programs, `${folder}/opt/cni/bin/`]);
  const groups = planGroups(names.node(number), await readControlGroups());
  await makeGroups(groups);
  const variables = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    STATE: state,
    NODE: node,
    NUMBER: String(number),
    KUBELET: `${binaries.cluster}/kubelet`,
    CGROUP_VERSION: String(groups.version),
    CGROUPS: groups.controllers.join(" "),
  };
  const kinds = ["--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--mount-proc"];
  const environment = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const tree = ["nsenter", `--net=/run/netns/${names.node(number)}`, "unshare", ...kinds];
  const command = inGroups(groups, [...tree, "env", "-i", ...environment, "bash", INIT]);
  const server = new Server(supervised(folder, command), `${folder}/init.log`);
  return {
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await removeNode(names, number);
    },
  };
}

/** Removes the control groups of a node whose programs ended, or are ending. */
export async function removeNode(names: Names, number: number): Promise<void> {
  for (const path of planGroups(names.node(number), await readControlGroups()).roots) await removeGroup(path);
}

/** A command with the mounts, the network and the processes of a node. */
export async function onNode(state: string, number: number, command: readonly string[]): Promise<readonly string[]> {
  const init = await initOf(`${state}/node${number}`);
  return ["nsenter", `--target=${init}`, "--mount", "--net", "--pid", ...command];
}

/** Ends a node from one moment to the next, with all that runs on it. It stays down until {@linkcode bringBackNode}. */
export async function killNode(state: string, number: number): Promise<void> {
  const folder = `${state}/node${number}`;
  const init = await initOf(folder);
  await hold(folder);
  await ended(init); // process 1 is the last of its namespace to go
}

/** Lets a node start again, with its disk or with an empty one. */
export async function bringBackNode(state: string, number: number, disk: "kept" | "lost"): Promise<void> {
  const folder = `${state}/node${number}`;
  if (disk === "lost") {
    await Deno.remove(`${folder}/var-lib`, { recursive: true });
    await Deno.mkdir(`${folder}/var-lib`);
  }
  await resume(folder);
}

async function initOf(folder: string): Promise<number> {
  const pid = await pidOf(folder);
  const [init] = (await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`)).trim().split(" ");
  return Number(init);
}

async function removeGroup(path: string): Promise<void> {
  await eventually(`control group ${path} removed`, async () => {
    await run(["find", path, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]);
    return !await isFolder(path);
  });
}

function isFolder(path: string): Promise<boolean> {
  return Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
}

function kubeletConfig(state: string): Record<string, unknown> {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    failCgroupV1: false,
    cgroupDriver: "cgroupfs",
    oomScoreAdj: 0,
    maxOpenFiles: 20_000,
    nodeLeaseDurationSeconds: 8,
    failSwapOn: false,
    protectKernelDefaults: true,
    makeIPTablesUtilChains: false,
    containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: false },
      x509: { clientCAFile: `${state}/ca.crt` },
    },
    authorization: { mode: "AlwaysAllow" },
    resolvConf: "/etc/kn-resolv.conf",
    clusterDNS: ["10.96.0.10"],
    clusterDomain: "cluster.local",
    imageGCHighThresholdPercent: 100,
    evictionHard: { "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
  };
}

function multusConfig(number: number): Record<string, unknown> {
  const ipam = { type: "host-local", ranges: [[{ subnet: `10.244.${number}.0/24` }]] };
  const bridge = { type: "bridge", bridge: "cni0", isDefaultGateway: true, ipMasq: false, hairpinMode: true, ipam };
  return {
    cniVersion: "0.3.1",
    name: "multus-cni-network",
    type: "multus",
    kubeconfig: "/etc/cni/net.d/multus.d/multus.kubeconfig",
    logLevel: "verbose",
    logFile: "/var/log/multus.log",
    delegates: [{ cniVersion: "0.3.1", name: "primary", plugins: [bridge] }],
  };
}

const CONTAINERD = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "runc"
      SystemdCgroup = false
`;
