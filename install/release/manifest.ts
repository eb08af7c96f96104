/**
 * `install.yaml`: the manifests of a kustomization in one file, with images of a registry.
 *
 * @module
 */
import { parse, parseAllDocuments, visit } from "yaml";
import { REGISTRY } from "../repository.ts";
import type { Gap, Release } from "./types.ts";

const MANIFESTS = new URL("../manifests/", import.meta.url);

/** Writes `install.yaml`. */
export async function makeManifest({ version, revision, folder }: Release): Promise<readonly Gap[]> {
  const head = `# Whereabouts ${version}, commit ${revision}. Install: kubectl apply -f install.yaml\n`;
  await Deno.writeTextFile(`${folder}/install.yaml`, head + await render(MANIFESTS, (image) => `${REGISTRY}/${image}`));
  return [];
}

/**
 * Renders a kustomization that only lists files. Comments remain.
 *
 * @param folder URL of the kustomization's folder, with a slash at its end
 * @param rename returns the reference of an image in a registry
 * @throws {RangeError} the kustomization has other fields, which this does not render
 */
export async function render(folder: URL, rename: (image: string) => string): Promise<string> {
  const { apiVersion: _version, kind: _kind, resources, ...others } = parse(
    await Deno.readTextFile(new URL("kustomization.yaml", folder)),
  );
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new RangeError(`Cannot render ${folder.pathname}kustomization.yaml: expected only resources, got ${unknown}`);
  }
  const files: string[] = [];
  for (const name of resources) files.push(renderFile(await Deno.readTextFile(new URL(name, folder)), rename));
  return files.join("---\n");
}

function renderFile(text: string, rename: (image: string) => string): string {
  return parseAllDocuments(text).map((document) => {
    visit(document, {
      Pair: (_, { key, value }) => {
        const isImage = key !== null && String(key) === "image";
        if (isImage && hasText(value)) value.value = rename(value.value);
      },
    });
    return document.toString({ lineWidth: 0, directives: false }).replace(/^---\n/, "");
  }).join("---\n");
}

function hasText(value: unknown): value is { value: string } {
  return typeof value === "object" && value !== null && "value" in value && typeof value.value === "string";
}
