/**
 * The chart, rendered by a real Helm, and the objects of manifests as values.
 *
 * @module
 */
import { parseAllDocuments } from "yaml";
import { assets, kubernetesVersion } from "./assets.ts";
import { must, run } from "./process.ts";

/** The folder of manifests, chart and overlays. */
export const INSTALL = new URL("../../install/", import.meta.url).pathname;
/** The folder of the chart. */
export const CHART = `${INSTALL}chart`;
/** The version for which the chart is rendered; a Helm built from Go modules reports an odd one. */
export const KUBE_VERSION = ["--kube-version", kubernetesVersion()];

/** The path of Helm. */
export async function helm(): Promise<string> {
  return `${await assets("helm")}/helm`;
}

/** A Kubernetes object, as far as tests read its members. */
export interface KubeObject {
  /** Its kind. */
  readonly kind: string;
  /** Its name, namespace and labels. */
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  /** Its specification; of other kinds, the members are undefined. */
  readonly spec: {
    readonly suspend: boolean;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly serviceAccountName: string;
    readonly containers: readonly Container[];
    readonly template: { readonly metadata: KubeObject["metadata"]; readonly spec: PodSpec };
  };
}

/** The specification of a pod. */
export interface PodSpec {
  /** Containers that run before the others. */
  readonly initContainers?: readonly Container[];
  /** Its containers. */
  readonly containers: readonly Container[];
  /** Its volumes. */
  readonly volumes: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[];
  /** How it spreads. */
  readonly topologySpreadConstraints?: unknown;
}

/** A container. */
export interface Container {
  /** Its name. */
  readonly name: string;
  /** Its image. */
  readonly image: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Its environment. */
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  /** Its mounts. */
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  /** Its probes. */
  readonly startupProbe?: unknown;
  /** Its probes. */
  readonly livenessProbe?: unknown;
  /** Its probes. */
  readonly readinessProbe?: unknown;
}

/** Objects by `KIND NAMESPACE/NAME`. */
export function objectsOf(text: string): Map<string, KubeObject> {
  const objects = parseAllDocuments(text).map((document) => document.toJS()).filter((one) => one !== null);
  return new Map(objects.map((one) => [`${one.kind} ${one.metadata.namespace ?? ""}/${one.metadata.name}`, one]));
}

/** The object without the labels that only Helm's convention asks for. */
export function withoutHelmLabels(object: unknown): unknown {
  return JSON.parse(JSON.stringify(object), (key, value) => {
    if (key !== "labels") return value;
    const own = Object.entries(value).filter(([name]) => !/^(helm\.sh|app\.kubernetes\.io)\//.test(name));
    return own.length > 0 ? Object.fromEntries(own) : undefined;
  });
}

async function command(flags: readonly string[]): Promise<readonly string[]> {
  return [await helm(), "template", "whereabouts", CHART, "--namespace", "other", ...KUBE_VERSION, ...flags];
}

/** Renders the chart as release `whereabouts` in namespace `other`, with its custom resource definitions. */
export async function template(...flags: string[]): Promise<string> {
  return await must(await command(["--include-crds", ...flags]));
}

/** Renders the chart, which must fail. Returns the message. */
export async function refused(...flags: string[]): Promise<string> {
  const { code, stderr } = await run(await command(flags));
  if (code === 0) throw new Error(`Helm accepted ${flags.join(" ")}`);
  return stderr;
}
