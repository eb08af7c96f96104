/**
 * Finds the network definitions in files: NetworkAttachmentDefinitions, lists of them, and configurations as the runtime reads them.
 *
 * @module
 */
import type { Attachment } from "../controllers/cluster.ts";
import { isObject } from "../values/json.ts";

/** One document of a YAML or JSON file. */
export interface TextDocument {
  /** Its decoded value. */
  readonly value: unknown;
  /** The line of the file on which it begins; the first one is 1. */
  readonly line: number;
}

/** Splits a YAML or JSON text into its documents. @throws {SyntaxError} it is neither */
export type ReadDocuments = (text: string) => Promise<readonly TextDocument[]>;

/** The place of a definition. */
export interface Place {
  /** The file as named by the caller. */
  readonly file: string;
  /** The line on which its document begins. */
  readonly line: number;
}

/** A definition and its place in a file. */
export interface PlacedDefinition {
  /** The definition. A configuration without a NetworkAttachmentDefinition has no namespace. */
  readonly attachment: Attachment;
  /** Its place. */
  readonly place: Place;
}

/** The content of one file. */
export interface FileContent {
  /** Its definitions, in order. */
  readonly definitions: readonly PlacedDefinition[];
  /** Documents that are no definition and no other Kubernetes object: one sentence each. */
  readonly problems: readonly { readonly place: Place; readonly message: string }[];
}

/** The kind of definitions. */
const KIND = "NetworkAttachmentDefinition";

/** Finds the definitions of a file. Other Kubernetes objects, such as pods and ConfigMaps, are skipped. */
export function definitionsIn(file: string, documents: readonly TextDocument[]): FileContent {
  const definitions: PlacedDefinition[] = [];
  const problems: { place: Place; message: string }[] = [];
  for (const { value, line } of documents) {
    const place = { file, line };
    for (const object of itemsOf(value)) {
      const attachment = attachmentOf(object);
      if (attachment) definitions.push({ attachment, place });
      else if (!isKubernetesObject(object)) problems.push({ place, message: problemOf(object) });
    }
  }
  return { definitions, problems };
}

/** The objects of a list, or the value itself. An empty document has none. */
function itemsOf(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return [];
  return isObject(value) && typeof value.kind === "string" && /List$/.test(value.kind) && Array.isArray(value.items)
    ? value.items
    : [value];
}

function isKubernetesObject(value: unknown): boolean {
  return isObject(value) && typeof value.kind === "string" && typeof value.apiVersion === "string";
}

/** The definition that an object is; undefined if it is another object. */
function attachmentOf(value: unknown): Attachment | undefined {
  if (!isObject(value)) return undefined;
  if (value.kind === KIND) {
    const metadata = isObject(value.metadata) ? value.metadata : {};
    const spec = isObject(value.spec) ? value.spec : {};
    return {
      namespace: textOf(metadata.namespace) || "default",
      name: textOf(metadata.name),
      uid: "",
      config: textOf(spec.config),
    };
  }
  if (isKubernetesObject(value) || !("plugins" in value || "ipam" in value)) return undefined;
  return { namespace: "", name: textOf(value.name), uid: "", config: JSON.stringify(value) };
}

function problemOf(value: unknown): string {
  const found = isObject(value)
    ? "an object without kind, plugins or ipam"
    : Array.isArray(value)
    ? "a list"
    : "a value";
  return `Found ${found}: expected a ${KIND}, or a CNI network configuration with ipam or plugins`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
