/**
 * The licences of the packages that a release contains, and of the runtime in its binaries.
 *
 * @module
 */
import { type Package, readPackages } from "./packages.ts";
import type { Gap, Release } from "./types.ts";

const RULE = "=".repeat(80);

/**
 * The section of the compile runtime, of which the licences of Rust crates are not in any package.
 * Source: LICENSE.md and Cargo.lock of https://github.com/denoland/deno, LICENSE of https://github.com/v8/v8
 */
const RUNTIME = [
  RULE,
  `Deno ${Deno.version.deno}, the runtime in the binaries and images: MIT`,
  RULE,
  "",
  `Copyright 2018-2026 the Deno authors

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

The runtime contains:

V8 ${Deno.version.v8} (https://github.com/v8/v8): BSD-3-Clause, Copyright 2006-2026 the V8 project authors
SQLite (https://sqlite.org): public domain
Rust crates, named in https://github.com/denoland/deno/blob/v${Deno.version.deno}/Cargo.lock, each under its own licence
`,
].join("\n");

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
  return `Whereabouts ${version} contains or is built with these packages, and a runtime.\n\n${
    sections.join("\n")
  }\n${RUNTIME}`;
}
