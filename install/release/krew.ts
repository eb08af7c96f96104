/**
 * The manifest of the kubectl plugin for krew.
 *
 * @module
 */
import { stringify } from "yaml";
import { REPOSITORY_URL } from "../repository.ts";
import { sha256Of } from "../runtime.ts";
import { binaryName, exists, TARGETS } from "./binaries.ts";
import type { Gap, Release } from "./types.ts";

/** Writes `krew-whereabouts.yaml`. It needs the archives of the binaries. */
export async function makeKrewManifest({ version, folder }: Release): Promise<readonly Gap[]> {
  const platforms = [];
  const gaps: Gap[] = [];
  for (const target of TARGETS) {
    const name = `${binaryName(target)}.tar.gz`;
    if (!await exists(`${folder}/${name}`)) {
      gaps.push({
        what: "krew-whereabouts.yaml",
        kind: "missing",
        reason: `It lacks ${target.arch}, since ${name} was not made`,
      });
      continue;
    }
    platforms.push({
      selector: { matchLabels: { os: "linux", arch: target.arch } },
      uri: `${REPOSITORY_URL}/releases/download/v${version}/${name}`,
      sha256: await sha256Of(await Deno.readFile(`${folder}/${name}`)),
      bin: "whereabouts",
    });
  }
  if (platforms.length === 0) return gaps;
  const manifest = {
    apiVersion: "krew.googlecontainertools.github.com/v1alpha2",
    kind: "Plugin",
    metadata: { name: "whereabouts" },
    spec: {
      version: `v${version}`,
      homepage: REPOSITORY_URL,
      shortDescription: "Show and check addresses of Whereabouts IPAM",
      description: "Shows pools and the owners of addresses, checks pools, reservations, pods and nodes for\n" +
        "consistency, and releases leaked addresses of the CNI IPAM plugin Whereabouts.\n",
      platforms,
    },
  };
  await Deno.writeTextFile(`${folder}/krew-whereabouts.yaml`, stringify(manifest, { lineWidth: 0 }));
  return gaps;
}
