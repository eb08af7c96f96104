/**
 * `CNI_ARGS`: `KEY=VALUE` pairs separated by semicolons.
 *
 * @module
 */
import { CniError, CODES } from "./error.ts";

/** The keys that the plugin reads. An empty value counts as absent. */
export interface CniArgs {
  /** `K8S_POD_NAME`. */
  readonly podName?: string;
  /** `K8S_POD_NAMESPACE`. */
  readonly podNamespace?: string;
  /** `K8S_POD_UID`. */
  readonly podUid?: string;
  /** `IP`: comma-separated addresses. */
  readonly ip?: string;
  /** `GATEWAY`: comma-separated addresses. */
  readonly gateway?: string;
}

const KEYS: Readonly<Record<string, keyof CniArgs | null>> = {
  IgnoreUnknown: null,
  K8S_POD_INFRA_CONTAINER_ID: null,
  K8S_POD_NAME: "podName",
  K8S_POD_NAMESPACE: "podNamespace",
  K8S_POD_UID: "podUid",
  IP: "ip",
  GATEWAY: "gateway",
};

/** Stores and podRefs contain the names of pods and namespaces, so a name must not contain a separator or a path. */
const SAFE_NAME = /^[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?$/;
/** The longest name of a Kubernetes object, in characters. */
const MAX_NAME_LENGTH = 253;

/**
 * Parses CNI_ARGS.
 *
 * @throws {CniError} code 4: a malformed pair, an unknown key without `IgnoreUnknown=1`, or an invalid name of a pod or namespace
 */
export function parseArgs(text: string): CniArgs {
  if (text === "") return {};
  const pairs = text.split(";").map(splitPair);
  const ignoreUnknown = pairs.filter(([key]) => key === "IgnoreUnknown").map(([, value]) => readBoolean(value)).at(-1);
  const unknown = pairs.map(([key]) => key).filter((key) => !Object.hasOwn(KEYS, key));
  if (unknown.length > 0 && !ignoreUnknown) {
    throw invalid(
      `unknown ${unknown.map((key) => JSON.stringify(key)).join(", ")}; add IgnoreUnknown=1 or remove them`,
    );
  }
  const args: { -readonly [K in keyof CniArgs]: CniArgs[K] } = {};
  for (const [key, value] of pairs) {
    const name = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (name && value !== "") args[name] = value;
  }
  checkName("K8S_POD_NAME", args.podName);
  checkName("K8S_POD_NAMESPACE", args.podNamespace);
  return args;
}

/**
 * Refuses a pod name without a namespace, which does not identify the owner. ADD alone requires it: what an earlier release of the plugin
 * allocated without a namespace must still be released.
 *
 * @throws {CniError} code 4: a pod name without a namespace
 */
export function requireNamespace({ podName, podNamespace }: CniArgs): void {
  if (podName === undefined || podNamespace !== undefined) return;
  throw invalid(
    `K8S_POD_NAME is ${
      JSON.stringify(podName)
    } without K8S_POD_NAMESPACE: pods of all namespaces may have that name; ` +
      "the runtime has to name both",
  );
}

/** The pod as stores record it: `namespace/name`. */
export function podRefOf({ podNamespace = "", podName = "" }: CniArgs): string {
  return `${podNamespace}/${podName}`;
}

function splitPair(pair: string): readonly [string, string] {
  const [key = "", value, ...more] = pair.split("=");
  if (value === undefined || more.length > 0) {
    throw invalid(`found ${JSON.stringify(pair)}, expected KEY=VALUE pairs between semicolons`);
  }
  return [key, value];
}

function readBoolean(value: string): boolean {
  if (["1", "true"].includes(value.toLowerCase())) return true;
  if (["0", "false"].includes(value.toLowerCase())) return false;
  throw invalid(`IgnoreUnknown is ${JSON.stringify(value)}, expected 1, true, 0 or false`);
}

function checkName(key: string, value: string | undefined): void {
  if (value === undefined || (SAFE_NAME.test(value) && value.length <= MAX_NAME_LENGTH)) return;
  throw invalid(
    `${key} is ${
      JSON.stringify(value.slice(0, 80))
    }, expected a Kubernetes name of at most ${MAX_NAME_LENGTH} characters`,
  );
}

function invalid(reason: string): CniError {
  return new CniError(CODES.environment, `Cannot read CNI_ARGS: ${reason}`);
}
