/**
 * Prometheus and promtool: those of the machine, else Debian's, unpacked and kept. Installing the package would start a server, and building
 * promtool from its Go module compiles the clients of every cloud.
 *
 * @module
 */
import { cacheFolder, lockFolder } from "./assets.ts";
import { isInstalled, isThere, must, run } from "./process.ts";

/** The programs. */
export interface Prometheus {
  /** The path of the server. */
  readonly prometheus: string;
  /** The path of promtool. */
  readonly promtool: string;
}

/**
 * Finds both programs, or downloads Debian's package.
 *
 * @throws an Error if neither is possible
 */
export async function prometheus(): Promise<Prometheus> {
  if (await isInstalled("prometheus") && await isInstalled("promtool")) {
    return { prometheus: "prometheus", promtool: "promtool" };
  }
  const folder = `${cacheFolder()}/prometheus`;
  const programs = { prometheus: `${folder}/usr/bin/prometheus`, promtool: `${folder}/usr/bin/promtool` };
  await Deno.mkdir(folder, { recursive: true });
  using _lock = await lockFolder(folder);
  if (!await isThere(programs.promtool)) await unpack(folder);
  return programs;
}

async function unpack(folder: string): Promise<void> {
  if (!await isInstalled("apt-get")) {
    throw new Error(
      "prometheus and promtool are not installed: install Prometheus from https://prometheus.io/download",
    );
  }
  const work = await Deno.makeTempDir({ dir: folder, prefix: "download-" });
  try {
    const download = ["apt-get", "-q", "download", "prometheus"];
    if ((await run(download, { cwd: work })).code !== 0) {
      await must(["apt-get", "-q", "update"]); // a fresh machine has no lists
      await must(download, { cwd: work });
    }
    await must(["sh", "-c", 'dpkg-deb --extract prometheus_*.deb "$0"', folder], { cwd: work });
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
