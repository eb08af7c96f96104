/**
 * `version`: which release this is.
 *
 * @module
 */
import { SUPPORTED_VERSIONS } from "../config/version.ts";
import { VERSION } from "../version.ts";
import { type Command, defineCommand } from "./define.ts";

/** Prints the version. */
export const version: Command = defineCommand({
  about: ["Prints the version."],
  flags: { json: { type: "boolean", help: "Print JSON, with the versions of the CNI protocol" } },
}, ({ print }, { json }) => {
  print(json ? JSON.stringify({ version: VERSION, cniVersions: SUPPORTED_VERSIONS }, undefined, 2) : VERSION);
  return Promise.resolve(0);
});
