/**
 * The bill of materials of a release in the format SPDX 2.3.
 *
 * @module
 */
import { REPOSITORY, REPOSITORY_URL } from "../repository.ts";
import { type Package, readPackages } from "./packages.ts";
import type { Gap, Release } from "./types.ts";

const UNKNOWN = "NOASSERTION";

/** The members of a document that refer to each other. */
interface SpdxDocument {
  /** The product and its packages. */
  readonly packages: readonly {
    readonly name: string;
    readonly SPDXID: string;
    readonly versionInfo: string;
    readonly checksums?: readonly { readonly checksumValue: string }[];
    readonly licenseDeclared: string;
    readonly [member: string]: unknown;
  }[];
  /** Dependencies, by identifiers. */
  readonly relationships: readonly {
    readonly spdxElementId: string;
    readonly relationshipType: string;
    readonly relatedSpdxElement: string;
  }[];
  readonly [member: string]: unknown;
}

/** Writes `whereabouts-VERSION.spdx.json`. */
export async function makeSbom(release: Release): Promise<readonly Gap[]> {
  const text = JSON.stringify(documentOf(release, await readPackages()), undefined, 2);
  await Deno.writeTextFile(`${release.folder}/whereabouts-${release.version}.spdx.json`, `${text}\n`);
  return [];
}

/** The document. Each package depends on those that its own package.json resolves to in deno.lock. */
export function documentOf(
  { version, revision, time }: Omit<Release, "folder">,
  packages: readonly Package[],
): SpdxDocument {
  const root = "SPDXRef-whereabouts";
  const direct = packages.filter(({ direct }) => direct);
  const dependsOn = (from: string, to: string) => ({
    spdxElementId: from,
    relationshipType: "DEPENDS_ON",
    relatedSpdxElement: to,
  });
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `whereabouts-${version}`,
    documentNamespace: `${REPOSITORY_URL}/spdx/whereabouts-${version}-${revision}`,
    creationInfo: {
      created: new Date(time * 1000).toISOString().replace(".000Z", "Z"),
      creators: [`Tool: whereabouts-release-${version}`],
    },
    packages: [
      {
        name: "whereabouts",
        SPDXID: root,
        versionInfo: version,
        downloadLocation: `git+${REPOSITORY_URL}@${revision.replace("-dirty", "")}`,
        filesAnalyzed: false,
        licenseConcluded: "Apache-2.0",
        licenseDeclared: "Apache-2.0",
        copyrightText: UNKNOWN,
        externalRefs: [purl(`pkg:github/${REPOSITORY.toLowerCase()}@v${version}`)],
      },
      ...packages.map(packageOf),
    ],
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: root },
      ...direct.map(({ name, version }) => dependsOn(root, idOf(`${name}@${version}`))),
      ...packages.flatMap(({ name, version, dependencies }) =>
        dependencies.map((one) => dependsOn(idOf(`${name}@${version}`), idOf(one)))
      ),
    ],
  };
}

function packageOf({ name, version, integrity, licence }: Package) {
  const file = name.split("/").at(-1);
  return {
    name,
    SPDXID: idOf(`${name}@${version}`),
    versionInfo: version,
    downloadLocation: `https://registry.npmjs.org/${name}/-/${file}-${version}.tgz`,
    filesAnalyzed: false,
    checksums: [{ algorithm: "SHA512", checksumValue: hexOf(integrity) }],
    licenseConcluded: UNKNOWN,
    licenseDeclared: /^[\w.+() -]+$/.test(licence) && !/^(SEE|UNLICENSED)\b/.test(licence) ? licence : UNKNOWN,
    copyrightText: UNKNOWN,
    externalRefs: [purl(`pkg:npm/${name.replace("@", "%40")}@${version}`)],
  };
}

/** Identifiers contain letters, digits, dots and hyphens. */
function idOf(packageId: string): string {
  return `SPDXRef-npm-${packageId.replace(/[^A-Za-z0-9.]+/g, "-").replace(/^-/, "")}`;
}

function purl(locator: string) {
  return { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: locator };
}

/** @throws {RangeError} the checksum is not SHA-512 */
function hexOf(integrity: string): string {
  const [, base64] = /^sha512-([A-Za-z0-9+/]{86}==)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new RangeError(`Unknown checksum ${integrity} in deno.lock: expected sha512-BASE64`);
  return Array.from(atob(base64), (char) => char.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
