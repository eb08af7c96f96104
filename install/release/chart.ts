/**
 * The chart of a release as a package of Helm, with images of a registry.
 *
 * @module
 */
import { parseDocument } from "yaml";
import { assets } from "../../tests/support/assets.ts";
import { must } from "../../tests/support/process.ts";
import { REGISTRY, REPOSITORY_URL } from "../repository.ts";
import { withTime } from "./compress.ts";
import type { Gap, Release } from "./types.ts";

const CHART = new URL("../chart", import.meta.url).pathname;

/** Writes `whereabouts-VERSION.tgz`, by a Helm that is built from its Go module. */
export async function makeChart({ version, revision, time, folder }: Release): Promise<readonly Gap[]> {
  const helm = `${await assets("helm")}/helm`;
  const work = await Deno.makeTempDir({ prefix: "chart-" });
  try {
    const copy = `${work}/whereabouts`;
    await must(["cp", "-rL", CHART, copy]);
    await edit(`${copy}/values.yaml`, (values) => values.setIn(["image", "registry"], REGISTRY));
    await edit(`${copy}/Chart.yaml`, (chart) => {
      chart.setIn(["home"], REPOSITORY_URL);
      chart.setIn(["sources"], [REPOSITORY_URL]);
      chart.setIn(["icon"], `${REPOSITORY_URL}/raw/v${version}/docs/icon.svg`);
      chart.setIn(["maintainers"], [{ name: "Whereabouts maintainers", url: REPOSITORY_URL }]);
      chart.setIn(["annotations", "org.opencontainers.image.revision"], revision);
    });
    await must([helm, "package", copy, "--version", version, "--app-version", version, "--destination", work]);
    const name = `whereabouts-${version}.tgz`;
    await Deno.writeFile(`${folder}/${name}`, withTime(await Deno.readFile(`${work}/${name}`), time));
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return [];
}

async function edit(path: string, change: (document: ReturnType<typeof parseDocument>) => void): Promise<void> {
  const document = parseDocument(await Deno.readTextFile(path));
  change(document);
  await Deno.writeTextFile(path, document.toString({ lineWidth: 0 }));
}
