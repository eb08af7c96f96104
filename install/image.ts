// deno-lint-ignore-file no-console -- a build prints its progress
/**
 * Builds the images of the Dockerfile with docker, podman or buildah, whichever is installed.
 *
 * `deno task image [--engine NAME] [--platform LIST] [--registry PREFIX] [--archive FOLDER] [--build-arg NAME=VALUE]…`.
 * `--platform linux/amd64,linux/arm64` builds for several platforms. `--archive` also writes each image as an OCI archive,
 * `FOLDER/NAME-VERSION.oci.tar`, which nodes without a registry import (`ctr -n k8s.io images import FILE`).
 *
 * @module
 */
import { parseArgs } from "node:util";
import { VERSION } from "../src/version.ts";
import { ROOT, runVisibly } from "./command.ts";
import { REPOSITORY_URL } from "./repository.ts";
import { revisionOf, timeOf } from "./revision.ts";

/** Container engines, in order of preference. */
export const ENGINES = ["docker", "podman", "buildah"] as const;

/** A container engine. */
export type Engine = (typeof ENGINES)[number];

/** The registry that a container runtime adds to a name without one, as in our manifests. */
const DEFAULT_REGISTRY = "docker.io/library";

/** The images, with their stages in the Dockerfile; no stage is its last one. */
export const IMAGES: readonly { readonly name: string; readonly target?: string }[] = [
  { name: "whereabouts" },
  { name: "whereabouts-reconciler", target: "reconciler" },
];

/** How images are built. */
interface BuildOptions {
  /** Default: the first that is installed. */
  readonly engine?: Engine;
  /** Comma-separated `OS/ARCHITECTURE`. Default: that of this machine. */
  readonly platform?: string;
  /** What comes before the names of the images. Default: `docker.io/library`. */
  readonly registry?: string;
  /** Folder for OCI archives. Default: none are written. */
  readonly archive?: string;
  /** Further build arguments, `NAME=VALUE`. */
  readonly buildArgs?: readonly string[];
}

/** Values of one build that {@linkcode commandsOf} turns into commands. */
export interface Plan extends Omit<BuildOptions, "engine" | "registry" | "archive"> {
  /** The engine. */
  readonly engine: Engine;
  /** Name of the image, with registry and tag. */
  readonly reference: string;
  /** Stage of the Dockerfile; none is its last one. */
  readonly target?: string | undefined;
  /** Unix time in seconds that all files and layers get, so that a repeated build has the same bytes. */
  readonly timestamp: string;
  /** Path of the OCI archive. */
  readonly file?: string | undefined;
}

/**
 * The commands that build one image, and write its archive.
 *
 * @throws {Error} the engine can only archive an image of several platforms
 */
export function commandsOf(plan: Plan): readonly (readonly string[])[] {
  const { engine, reference, target, platform, timestamp, file, buildArgs = [] } = plan;
  const common = [
    ...(platform ? ["--platform", platform] : []),
    ...(target ? ["--target", target] : []),
    ...[`SOURCE_DATE_EPOCH=${timestamp}`, ...buildArgs].flatMap((one) => ["--build-arg", one]),
  ];
  if (engine === "docker") {
    if (!file && platform?.includes(",")) {
      throw new Error(`Docker cannot load an image of several platforms (${platform}): add --archive FOLDER`);
    }
    const output = file ? ["--output", `type=oci,dest=${file},rewrite-timestamp=true`] : ["--load"];
    return [["docker", "buildx", "build", ...common, "--provenance=false", "--tag", reference, ...output, "."]];
  }
  const build = [engine, engine === "buildah" ? "bud" : "build", "--timestamp", timestamp, ...common];
  const push = platform ? [engine, "manifest", "push", "--all"] : [engine, "push"];
  return [
    [...build, platform ? "--manifest" : "--tag", reference, "."],
    ...(file ? [[...push, reference, `oci-archive:${file}:${reference}`]] : []),
  ];
}

/**
 * Builds all images.
 *
 * @returns the paths of the archives
 * @throws {Error} no engine is installed, or a command of the engine failed; its output is on standard error
 */
export async function buildImages(options: BuildOptions = {}): Promise<readonly string[]> {
  const { registry = DEFAULT_REGISTRY, archive, platform } = options;
  const engine = options.engine ?? await findEngine();
  const labels = [
    ["VERSION", VERSION],
    ["REVISION", await revisionOf(ROOT)],
    ["SOURCE", REPOSITORY_URL],
  ].flatMap(([name, value]) => value ? [`${name}=${value}`] : []);
  const timestamp = String(await timeOf(ROOT));
  if (archive) await Deno.mkdir(archive, { recursive: true });
  const files: string[] = [];
  for (const { name, target } of IMAGES) {
    const file = archive && `${Deno.realPathSync(archive)}/${name}-${VERSION}.oci.tar`;
    if (file) await Deno.remove(file).catch(ignoreMissing);
    const reference = `${registry}/${name}:${VERSION}`;
    const buildArgs = [...labels, ...options.buildArgs ?? []];
    const plan = { engine, reference, target, timestamp, file, buildArgs, ...(platform && { platform }) };
    console.error(`Building ${reference} with ${engine}`);
    for (const command of commandsOf(plan)) await runVisibly(command);
    if (file) files.push(file);
  }
  return files;
}

/** @throws {Error} no engine is installed */
async function findEngine(): Promise<Engine> {
  for (const engine of ENGINES) {
    // A docker without its plugin buildx cannot build for several platforms, nor write archives.
    const probe = engine === "docker" ? "docker buildx version" : `command -v ${engine}`;
    const { success } = await new Deno.Command("sh", { args: ["-c", probe] }).output();
    if (success) return engine;
  }
  throw new Error(`No container engine found: install one of ${ENGINES.join(", ")}`);
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      engine: { type: "string" },
      platform: { type: "string" },
      registry: { type: "string" },
      archive: { type: "string" },
      "build-arg": { type: "string", multiple: true },
    },
  });
  const { engine, "build-arg": buildArgs, ...rest } = values;
  const known = ENGINES.find((one) => one === engine);
  if (engine !== undefined && !known) {
    console.error(`Unknown --engine ${JSON.stringify(engine)}: expected ${ENGINES.join(", ")}`);
    Deno.exit(2);
  }
  const options = { ...rest, ...(known && { engine: known }), ...(buildArgs && { buildArgs }) };
  for (const file of await buildImages(options)) console.log(file);
}
