/**
 * `version`: prints the version.
 *
 * @module
 */
import { SUPPORTED_VERSIONS } from "../config/version.ts";
import { VERSION } from "../version.ts";
import { type Command, defineCommand } from "./define.ts";

/** Prints the version. */
export const version: Command = defineCommand({
  about: ["Print the version."],
  flags: { json: { type: "boolean", help: "Print JSON, including the supported CNI versions" } },
}, ({ print }, { json }) => {
  print(json ? JSON.stringify({ version: VERSION, cniVersions: SUPPORTED_VERSIONS }, undefined, 2) : VERSION);
  return Promise.resolve(0);
});
