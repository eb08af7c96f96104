/**
 * The licences of the packages that a release contains.
 *
 * @module
 */
import { type Package, readPackages } from "./packages.ts";
import type { Gap, Release } from "./types.ts";

const RULE = "=".repeat(80);

/** Writes `THIRD-PARTY-LICENSES.txt`. */
export async function makeLicences({ version, folder }: Release): Promise<readonly Gap[]> {
  const packages = await readPackages();
  await Deno.writeTextFile(`${folder}/THIRD-PARTY-LICENSES.txt`, licencesText(version, packages));
  return packages.filter(({ licence, texts }) => !licence && texts.length === 0).map(({ name, version }) => ({
    what: "THIRD-PARTY-LICENSES.txt",
    kind: "missing",
    reason: `Package ${name}@${version} declares no licence and contains none: replace it, or ask its authors`,
  }));
}

/** The licences of all packages, each with the text that its authors publish. */
export function licencesText(version: string, packages: readonly Package[]): string {
  const sections = packages.map(({ name, version, licence, texts }) =>
    [
      RULE,
      `${name} ${version}: ${licence || "no licence declared"}`,
      RULE,
      "",
      ...(texts.length > 0 ? texts.map((text) => text.trim()) : ["The package contains no licence file."]),
      "",
    ].join("\n")
  );
  return `Whereabouts ${version} contains or is built with these packages.\n\n${sections.join("\n")}`;
}
