/**
 * `SHA256SUMS`, in the format of sha256sum.
 *
 * @module
 */
import { sha256Of } from "../runtime.ts";
import type { Gap, Release } from "./types.ts";

const NAME = "SHA256SUMS";

/** Writes the checksums of all files of the release, by name. */
export async function makeChecksums({ folder }: Release): Promise<readonly Gap[]> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name !== NAME).sort();
  let text = "";
  for (const name of names) text += `${await sha256Of(await Deno.readFile(`${folder}/${name}`))}  ${name}\n`;
  await Deno.writeTextFile(`${folder}/${NAME}`, text);
  return [];
}
