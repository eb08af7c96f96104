/**
 * The examples of `docs/examples`, as a cluster reads them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { networksOf } from "../src/config/conflist.ts";

/** Their folder. */
export const FOLDER = new URL("../docs/examples/", import.meta.url).pathname;

/** An object in a file. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly config?: string };
  readonly data?: Readonly<Record<string, string>>;
}

/** A network of a file. */
export interface Example {
  /** Name of the NetworkAttachmentDefinition. */
  readonly name: string;
  /** The configuration that the plugin gets on standard input. */
  readonly conf: Record<string, unknown>;
  /** Type of the plugin that creates the interface. */
  readonly type: string;
  /** Addresses that the first pod requests in its annotation. */
  readonly requested: readonly string[];
}

/** Names of files of a kind, sorted. */
export function filesOf(ending: string): string[] {
  return [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith(ending)).toSorted();
}

/** The objects of a file. */
export function manifestsOf(file: string): Manifest[] {
  return parseAllDocuments(Deno.readTextFileSync(FOLDER + file)).map((one) => {
    assert.deepEqual(one.errors, [], file);
    return one.toJS();
  });
}

/** The addresses, with prefix lengths, that a file promises in the last sentence of its comment, in order. */
export function promisedBy(file: string): string[] {
  const comment = Deno.readTextFileSync(FOLDER + file).split("\n").filter((line) => line.startsWith("#")).join(" ");
  const [, sentence = ""] = /The first pod[^.]* gets (.*)$/.exec(comment) ?? [];
  return [...sentence.matchAll(/[0-9a-f.:]+\/\d+/g)].map(([address]) => address);
}

/** The networks of a file, in order. */
export function examplesOf(file: string): Example[] {
  const manifests = manifestsOf(file);
  const pods = manifests.filter(({ kind }) => kind === "Pod");
  return manifests.filter(({ kind }) => kind === "NetworkAttachmentDefinition").map(({ metadata: { name }, spec }) => {
    const document = JSON.parse(spec?.config ?? "");
    const [conf, ...others] = networksOf(document);
    assert(conf && others.length === 0, `${file}: ${name} has not one network of this plugin`);
    const elements = pods.flatMap(({ metadata }) => selectionsOf(metadata.annotations));
    const requested = elements.find((one) => one.name === name)?.ips ?? [];
    return { name, conf, type: String(conf.type), requested };
  });
}

/** The network selections of a pod. */
export function selectionsOf(annotations: Readonly<Record<string, string>> = {}): {
  readonly name: string;
  readonly ips?: readonly string[];
}[] {
  const text = annotations["k8s.v1.cni.cncf.io/networks"] ?? "";
  return text.trim().startsWith("[") ? JSON.parse(text) : text.split(",").map((name) => ({ name: name.trim() }));
}
