/**
 * The repository that a release is published from. It is the name of the package in deno.json, `@OWNER/NAME`: everything else follows.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };

/** `OWNER/NAME` on GitHub. The scope of the package at JSR is `@OWNER`. */
export const REPOSITORY: string = config.name.replace(/^@/, "");

/** Address of the repository. */
export const REPOSITORY_URL = `https://github.com/${REPOSITORY}`;

/** Prefix of the names of images and chart, in lower case as registries require it. */
export const REGISTRY: string = `ghcr.io/${REPOSITORY.split("/")[0]}`.toLowerCase();
