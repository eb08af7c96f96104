/**
 * The JSON Schemas of the commands' outputs, in one archive.
 *
 * @module
 */
import { tar } from "../../src/values/tar.ts";
import { compress } from "./compress.ts";
import type { Gap, Release } from "./types.ts";

const FOLDER = new URL("../../schemas/", import.meta.url);

/** Writes `whereabouts-schemas-VERSION.tar.gz`. */
export async function makeSchemas({ folder, version }: Release): Promise<readonly Gap[]> {
  const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).toSorted();
  const entries = await Promise.all(
    names.map(async (name) => ({ path: `schemas/${name}`, data: await Deno.readFile(new URL(name, FOLDER)) })),
  );
  await Deno.writeFile(`${folder}/whereabouts-schemas-${version}.tar.gz`, compress(tar(entries)));
  return [];
}
