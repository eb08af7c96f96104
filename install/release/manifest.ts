/**
 * `install.yaml`: the manifests of a kustomization in one file, with images of a registry. What removes it again without the addresses:
 * `uninstall-patch.yaml` for the nodes, and `uninstall.yaml` with the objects but for the custom resource definitions.
 *
 * @module
 */
import { parse, parseAllDocuments, visit } from "yaml";
import { REGISTRY } from "../repository.ts";
import type { Gap, Release } from "./types.ts";

const MANIFESTS = new URL("../manifests/", import.meta.url);

const PATCH = new URL("../uninstall/patch.yaml", import.meta.url);

/** Writes the three files. */
export async function makeManifest({ version, revision, folder }: Release): Promise<readonly Gap[]> {
  const head = `# Whereabouts ${version}, commit ${revision}. Install: kubectl apply -f install.yaml\n`;
  const rename = (image: string) => `${REGISTRY}/${image}`;
  await Deno.writeTextFile(`${folder}/install.yaml`, head + await render(MANIFESTS, rename));
  const deletion =
    `# Whereabouts ${version} without its addresses. Delete after uninstall-patch.yaml: kubectl delete -f uninstall.yaml\n`;
  const objects = await render(MANIFESTS, rename, (name) => !name.startsWith("crds/"));
  await Deno.writeTextFile(`${folder}/uninstall.yaml`, deletion + objects);
  await Deno.copyFile(PATCH, `${folder}/uninstall-patch.yaml`);
  return [];
}

/**
 * Renders a kustomization that only lists files. Comments remain.
 *
 * @param folder URL of the kustomization's folder, with a slash at its end
 * @param rename returns the reference of an image in a registry
 * @param selects whether a file is rendered; default: all
 * @throws {RangeError} the kustomization has other fields, which this does not render
 */
export async function render(
  folder: URL,
  rename: (image: string) => string,
  selects: (name: string) => boolean = () => true,
): Promise<string> {
  const { apiVersion: _version, kind: _kind, resources, ...others } = parse(
    await Deno.readTextFile(new URL("kustomization.yaml", folder)),
  );
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new RangeError(`Cannot render ${folder.pathname}kustomization.yaml: expected only resources, got ${unknown}`);
  }
  const files: string[] = [];
  for (const name of resources.filter(selects)) {
    files.push(renderFile(await Deno.readTextFile(new URL(name, folder)), rename));
  }
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
