/**
 * `version`: prints version and commit.
 *
 * @module
 */
import { SUPPORTED_VERSIONS } from "../config/version.ts";
import { REVISION, VERSION } from "../version.ts";
import { type Command, defineCommand } from "./define.ts";

/** Prints version and commit. */
export const version: Command = defineCommand({
  about: ["Print the version, and the commit that it was built from."],
  flags: { json: { type: "boolean", help: "Print JSON, including the supported CNI versions" } },
}, ({ print }, { json }) => {
  const version = { version: VERSION, revision: REVISION, cniVersions: SUPPORTED_VERSIONS };
  print(json ? JSON.stringify(version, undefined, 2) : `${VERSION} (commit ${REVISION})`);
  return Promise.resolve(0);
});
