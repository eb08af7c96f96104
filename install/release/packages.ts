/**
 * The packages that deno.lock names, with their licences.
 *
 * @module
 */
import { outputOf, ROOT } from "../command.ts";

/** A package of npm. */
export interface Package {
  /** Its name. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** Checksum in deno.lock: `sha512-BASE64`. */
  readonly integrity: string;
  /** Licence that its package.json declares, as it stands there. Empty: it declares none. */
  readonly licence: string;
  /** Whether deno.json names it. */
  readonly direct: boolean;
  /** `NAME@VERSION` of each package that it depends on. */
  readonly dependencies: readonly string[];
  /** Texts of its licence files. */
  readonly texts: readonly string[];
}

interface Info {
  readonly npmPackages: Readonly<
    Record<string, {
      readonly name: string;
      readonly version: string;
      readonly dependencies: readonly string[];
      readonly localPath: string;
    }>
  >;
}

/** Licence files by the conventions of npm packages. */
const LICENCE_FILE = /^(licen[cs]e|copying|notice|unlicense)/i;

/**
 * Reads the packages, in the order of deno.lock.
 *
 * @throws {Error} Deno cannot load a package of the lock file
 */
export async function readPackages(): Promise<readonly Package[]> {
  await outputOf([Deno.execPath(), "install", "--frozen", "--quiet"]); // downloads what is not cached
  const { npmPackages }: Info = JSON.parse(await outputOf([Deno.execPath(), "info", "--json", "main.ts"]));
  const lock = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  return await Promise.all(
    Object.entries<{ integrity: string }>(lock.npm).map(async ([id, { integrity }]) => {
      const known = npmPackages[id];
      if (!known) throw new Error(`deno.lock names ${id}, which deno info does not list: run deno install`);
      const { name, version, dependencies, localPath } = known;
      const ids = dependencies.map((one) => idOf(npmPackages, one));
      const direct = lock.workspace.dependencies.includes(`npm:${name}@${version}`);
      return { name, version, integrity, direct, dependencies: ids, ...await licenceOf(localPath) };
    }),
  );
}

function idOf(packages: Info["npmPackages"], id: string): string {
  const { name, version } = packages[id] ?? {};
  if (name === undefined) throw new Error(`A package depends on ${id}, which deno info does not list`);
  return `${name}@${version}`;
}

async function licenceOf(folder: string): Promise<Pick<Package, "licence" | "texts">> {
  const { license } = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
  const files = [...Deno.readDirSync(folder)].filter(({ name, isFile }) => isFile && LICENCE_FILE.test(name));
  const names = files.map(({ name }) => name).sort();
  const texts = await Promise.all(names.map((name) => Deno.readTextFile(`${folder}/${name}`)));
  return { licence: typeof license === "string" ? license : license?.type ?? "", texts };
}
