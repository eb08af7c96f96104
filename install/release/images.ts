/**
 * The images of a release as OCI archives.
 *
 * @module
 */
import { ROOT } from "../command.ts";
import { buildImages, type Engine } from "../image.ts";
import { REGISTRY } from "../repository.ts";
import type { Gap, Release } from "./types.ts";

/**
 * What the Dockerfile takes from others, and variables pin: base images by digest, compile runtimes by checksum. A base image that the
 * Dockerfile itself names by digest needs no variable.
 */
const PINS = ["DENO_IMAGE", "BASE", "RUNTIME_SHA256_AMD64", "RUNTIME_SHA256_ARM64"];

/** Platforms of a release. */
const PLATFORMS = "linux/amd64,linux/arm64";

/** Makes a part that writes `NAME-VERSION.oci.tar` of each image. */
export function makeImages(
  platform: string | undefined,
  engine: Engine | undefined,
): (release: Release) => Promise<readonly Gap[]> {
  return async ({ folder }) => {
    const dockerfile = await Deno.readTextFile(`${ROOT}Dockerfile`);
    const set = PINS.filter((name) => Deno.env.get(name));
    const pinned = PINS.filter((name) => set.includes(name) || isPinned(dockerfile, name));
    await buildImages({
      ...(engine && { engine }),
      ...(platform && { platform }),
      registry: REGISTRY,
      archive: folder,
      buildArgs: [
        `RELEASE=${pinned.length === PINS.length}`,
        ...set.map((name) => `${name}=${Deno.env.get(name)}`),
      ],
    });
    return gapsOf(platform, pinned);
  };
}

/** Whether the Dockerfile itself names an image by digest: bots that update dependencies add digests. */
export function isPinned(dockerfile: string, name: string): boolean {
  return new RegExp(`^ARG ${name}=\\S+@sha256:[0-9a-f]{64}$`, "m").test(dockerfile);
}

/** What images lack that were built for these platforms with these pins. */
export function gapsOf(platform: string | undefined, pinned: readonly string[]): readonly Gap[] {
  const missing = PINS.filter((name) => !pinned.includes(name));
  return [
    ...(platform === PLATFORMS ? [] : [{
      what: "images",
      kind: "missing" as const,
      reason: `They are for ${platform ?? "the platform of this machine"} alone: --platform ${PLATFORMS} builds all`,
    }]),
    ...(missing.length === 0 ? [] : [{
      what: "images",
      kind: "unverified" as const,
      reason: `Their sources are not pinned: ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not set`,
    }]),
  ];
}
