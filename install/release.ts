// deno-lint-ignore-file no-console -- a build prints its progress
/**
 * Makes the files of a release in `dist/release`.
 *
 * `deno task release [--output FOLDER] [--platform LIST] [--engine NAME] [--parts PART,PART] [--unverified | --partial]`. It fails,
 * after it has made the rest, if anything is missing (unless `--partial` accepts that), or made from something that is not pinned
 * (unless `--unverified` does). `deno task release --check OWNER/NAME TAG` verifies that a tag in a repository matches this source, and prints
 * the notes of the release.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { VERSION } from "../src/version.ts";
import { makeBinaries } from "./release/binaries.ts";
import { notesOf } from "./release/changelog.ts";
import { makeChart } from "./release/chart.ts";
import { makeChecksums } from "./release/checksums.ts";
import { makeImages } from "./release/images.ts";
import { makeKrewManifest } from "./release/krew.ts";
import { checkLibrary } from "./release/library.ts";
import { makeLicences } from "./release/licences.ts";
import { makeManifest } from "./release/manifest.ts";
import { makeSbom } from "./release/sbom.ts";
import { makeSchemas } from "./release/schemas.ts";
import type { Gap, Part, Release } from "./release/types.ts";
import { ROOT } from "./command.ts";
import { type Engine, ENGINES } from "./image.ts";
import { REPOSITORY } from "./repository.ts";
import { revisionOf, timeOf } from "./revision.ts";

/** The parts of a release, in their order: the manifest for krew needs the binaries, the checksums everything. */
function partsOf({ platform, engine }: ReleaseOptions): Readonly<Record<string, Part>> {
  return {
    binaries: makeBinaries,
    images: makeImages(platform, engine),
    manifest: makeManifest,
    chart: makeChart,
    krew: makeKrewManifest,
    schemas: makeSchemas,
    sbom: makeSbom,
    licences: makeLicences,
    library: checkLibrary,
    checksums: makeChecksums,
  };
}

/** What is made, and where. */
interface ReleaseOptions {
  /** Folder, which is emptied. Default `dist/release`. */
  readonly output?: string | undefined;
  /** Comma-separated `OS/ARCHITECTURE` of the images. Default: that of this machine. */
  readonly platform?: string | undefined;
  /** Container engine. Default: the first that is installed. */
  readonly engine?: Engine | undefined;
  /** Names of parts. Default: all. */
  readonly parts?: readonly string[] | undefined;
}

/**
 * Makes a release. Returns what is missing.
 *
 * @throws {RangeError} a part is unknown
 */
export async function makeRelease(options: ReleaseOptions = {}): Promise<readonly Gap[]> {
  const { output, parts } = options;
  const all = partsOf(options);
  const unknown = parts?.find((name) => !Object.hasOwn(all, name));
  if (unknown !== undefined) {
    throw new RangeError(`--parts ${JSON.stringify(unknown)}: expected ${Object.keys(all).join(", ")}`);
  }
  const folder = output ?? `${ROOT}dist/release`;
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  const revision = await revisionOf(ROOT) ?? "unknown";
  const release: Release = { version: VERSION, revision, time: await timeOf(ROOT), folder };
  const gaps: Gap[] = [...checkRevision(revision)];
  for (const [name, make] of Object.entries(all)) {
    if (parts && !parts.includes(name)) continue;
    console.error(`Making ${name}`);
    gaps.push(
      ...await make(release).catch((error): Gap[] => [{ what: name, kind: "missing", reason: messageOf(error) }]),
    );
  }
  return gaps;
}

/** A release names the commit that it was made from. */
export function checkRevision(revision: string): readonly Gap[] {
  if (/^[0-9a-f]{40}$/.test(revision)) return [];
  const remedy = revision === "unknown" ? "make it in a clone with git" : "commit the changes";
  return [{
    what: "commit",
    kind: "unverified",
    reason: `Its revision is ${revision}, expected a commit without changes: ${remedy}`,
  }];
}

/**
 * Verifies that a tag in a repository names this source. Returns the notes of the release.
 *
 * @throws {RangeError} repository, tag or changelog are of another release
 */
export function checkTag(repository: string, tag: string, changelog: string): string {
  if (repository.toLowerCase() !== REPOSITORY.toLowerCase()) {
    throw new RangeError(
      `This is the repository ${repository}, but deno.json has the name @${REPOSITORY}: change that, and deno task ok lists the rest`,
    );
  }
  if (tag !== `v${VERSION}`) {
    throw new RangeError(`Tag ${tag} is on version ${VERSION} of deno.json: expected v${VERSION}`);
  }
  return notesOf(changelog, VERSION);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: {
      output: { type: "string" },
      platform: { type: "string" },
      engine: { type: "string" },
      parts: { type: "string" },
      partial: { type: "boolean", default: false },
      unverified: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  const [repository = "", tag = ""] = positionals;
  if (values.check) {
    console.log(checkTag(repository, tag, await Deno.readTextFile(`${ROOT}CHANGELOG.md`)));
    return 0;
  }
  if (positionals.length > 0) {
    throw new RangeError(`Unknown argument ${JSON.stringify(repository)}: expected only flags`);
  }
  const { output = `${ROOT}dist/release`, platform, parts } = values;
  const engine = ENGINES.find((one) => one === values.engine);
  if (values.engine && !engine) {
    throw new RangeError(`--engine ${JSON.stringify(values.engine)}: expected ${ENGINES.join(", ")}`);
  }
  const gaps = await makeRelease({ output, platform, engine, parts: parts?.split(",") });
  for (const { name } of [...Deno.readDirSync(output)].toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    const { size } = await Deno.stat(`${output}/${name}`);
    console.log(`${output}/${name} ${(size / 1e6).toFixed(2)} MB`);
  }
  for (const { what, kind, reason } of gaps) {
    console.error(`${kind === "missing" ? "Missing" : "Unverified"}: ${what}: ${reason}`);
  }
  const accepted = ({ kind }: Gap) => values.partial || (values.unverified && kind === "unverified");
  return gaps.every(accepted) ? 0 : 1;
}

if (import.meta.main) {
  const code = await main(Deno.args).catch((error) => {
    console.error(`release: ${messageOf(error)}`);
    return 2;
  });
  Deno.exit(code);
}
