// deno-lint-ignore-file no-console -- a command tells its result
/**
 * Brings up a cluster of two nodes, runs the stories on it, and takes it down.
 *
 * `deno task e2e [STORY…]`
 *
 * @module
 */
import { CLUSTER_VARIABLE, startCluster } from "./cluster.ts";
import { isInstalled } from "../tests/support/process.ts";

const FOLDER = new URL("./", import.meta.url).pathname;

/** Programs that the cluster is made of, and Debian's packages of them. */
const PACKAGES: Readonly<Record<string, string>> = {
  "/usr/bin/containerd": "containerd",
  "/usr/sbin/runc": "runc",
  "/bin/busybox": "busybox-static",
  nft: "nftables",
  ip: "iproute2",
  nsenter: "util-linux",
  openssl: "openssl",
  sysctl: "procps",
};

async function main(stories: readonly string[]): Promise<number> {
  if (Deno.uid() !== 0) throw new Error("A cluster needs namespaces and mounts of its own: run this as root");
  const missing: string[] = [];
  for (const [program, name] of Object.entries(PACKAGES)) if (!await isInstalled(program)) missing.push(name);
  if (missing.length > 0) throw new Error(`Missing: apt-get install -y --no-install-recommends ${missing.join(" ")}`);
  const start = Date.now();
  const seconds = () => ((Date.now() - start) / 1000).toFixed(1);
  await using cluster = await startCluster();
  console.error(`e2e: the cluster is up after ${seconds()} s`);
  const files = stories.length > 0 ? stories : [FOLDER];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-prompt", ...files],
    env: { [CLUSTER_VARIABLE]: cluster.state },
    stdin: "null",
  }).spawn();
  const end = () => child.kill("SIGTERM"); // whoever stops this stops the stories; the cluster is then taken down as ever
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, end);
  const { code } = await child.status;
  for (const signal of signals) Deno.removeSignalListener(signal, end);
  console.error(`e2e: the stories ended after ${seconds()} s`);
  return code;
}

if (import.meta.main) {
  const code = await main(Deno.args).catch((error) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  });
  Deno.exit(code);
}
