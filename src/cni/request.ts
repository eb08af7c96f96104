/**
 * The request of a runtime, checked as by the CNI library of the original.
 *
 * @module
 */
import { NAME, nameFault, nameWords, shown, versionFault } from "../config/conf.ts";
import type { Call } from "../call/call.ts";
import { type CniArgs, parseArgs, requireNamespace } from "./args.ts";
import { CniError, CODES } from "./error.ts";
import { atLeast, type CniVersion, NEWEST_VERSION, supportedVersion } from "../config/version.ts";

/** Verbs of the CNI specification. */
export type Verb = "ADD" | "DEL" | "CHECK" | "GC" | "STATUS" | "VERSION";

/** A valid request. Members that its verb does not use are empty. */
export interface CniRequest {
  /** `CNI_COMMAND`. */
  readonly verb: Verb;
  /** `CNI_CONTAINERID`. */
  readonly containerId: string;
  /** `CNI_IFNAME`. */
  readonly ifName: string;
  /** `CNI_NETNS`: path of the sandbox's network namespace. */
  readonly netns?: string;
  /** `CNI_ARGS`. */
  readonly args: CniArgs;
  /** The network configuration. */
  readonly conf: Readonly<Record<string, unknown>>;
  /** Its `name`. */
  readonly network: string;
  /** Its `cniVersion`. */
  readonly cniVersion: CniVersion;
}

/** The maximum length of a container id. Runtimes use 64 characters. */
const MAX_ID_LENGTH = 200;
// deno-lint-ignore no-control-regex -- they are refused
const IFNAME = /^(?!\.{1,2}$)[^/:\s\u0000-\u001f\u007f]{1,15}$/;

interface Variable {
  readonly name: string;
  readonly required: readonly Verb[];
  readonly valid: (value: string) => boolean;
  readonly expected: string;
}

const ATTACHMENT: readonly Verb[] = ["ADD", "CHECK", "DEL"];
const ALL_BUT_VERSION: readonly Verb[] = ["ADD", "CHECK", "DEL", "GC", "STATUS"];

/** Variables in the order in which they are checked. */
const VARIABLES: readonly Variable[] = [
  {
    name: "CNI_CONTAINERID",
    required: ATTACHMENT,
    valid: (value) => NAME.test(value) && value.length <= MAX_ID_LENGTH,
    expected: nameWords(MAX_ID_LENGTH),
  },
  { name: "CNI_NETNS", required: ["ADD", "CHECK"], valid: () => true, expected: "" },
  {
    name: "CNI_IFNAME",
    required: ATTACHMENT,
    valid: (value) => IFNAME.test(value),
    expected: 'an interface name of 1 to 15 characters without "/", ":" and white space',
  },
  { name: "CNI_ARGS", required: [], valid: () => true, expected: "" },
  { name: "CNI_PATH", required: ALL_BUT_VERSION, valid: () => true, expected: "" },
];

/** The version of the specification that introduced each verb. */
const SINCE: Readonly<Record<Verb, CniVersion>> = {
  ADD: "0.1.0",
  DEL: "0.1.0",
  VERSION: "0.1.0",
  CHECK: "0.4.0",
  GC: "1.1.0",
  STATUS: "1.1.0",
};

/**
 * Reads the request of a call. VERSION ignores standard input.
 *
 * @throws {CniError} codes 1, 4, 5, 6 and 7 of the specification
 */
export function readRequest({ env, input }: Call): CniRequest {
  const verb = readVerb(env);
  const environment = readEnvironment(env, verb);
  const args = parseArgs(environment.CNI_ARGS ?? "");
  if (verb === "ADD") requireNamespace(args);
  const conf = verb === "VERSION" ? {} : readConf(input);
  const cniVersion = verb === "VERSION" ? NEWEST_VERSION : checkVersion(conf, verb);
  return {
    verb,
    containerId: environment.CNI_CONTAINERID ?? "",
    ifName: environment.CNI_IFNAME ?? "",
    ...(environment.CNI_NETNS !== undefined && { netns: environment.CNI_NETNS }),
    args,
    conf,
    network: typeof conf.name === "string" ? conf.name : "",
    cniVersion,
  };
}

function readVerb(env: Call["env"]): Verb {
  const command = env.CNI_COMMAND ?? "";
  if (Object.hasOwn(SINCE, command)) return command as Verb;
  const found = command === "" ? "nothing" : shown(command);
  throw new CniError(
    CODES.environment,
    `Cannot serve CNI_COMMAND: found ${found}, expected one of ${Object.keys(SINCE).join(", ")}`,
  );
}

function readEnvironment(env: Call["env"], verb: Verb): Record<string, string> {
  const values: Record<string, string> = {};
  const missing: string[] = [];
  for (const { name, required, valid, expected } of verb === "VERSION" ? [] : VARIABLES) {
    const value = env[name] ?? "";
    if (value === "") {
      if (required.includes(verb)) missing.push(name);
    } else if (!valid(value)) {
      throw new CniError(CODES.environment, `Cannot use ${name} ${shown(value)}: expected ${expected}`);
    } else values[name] = value;
  }
  if (missing.length === 0) return values;
  throw new CniError(CODES.environment, `Missing environment variables for ${verb}: ${missing.join(", ")}`);
}

function readConf(input: Call["input"]): Record<string, unknown> {
  if ("error" in input) throw new CniError(input.error.isRead ? CODES.decoding : CODES.io, input.error.message);
  const conf = input.document;
  if (typeof conf !== "object" || conf === null || Array.isArray(conf)) {
    throw new CniError(
      CODES.decoding,
      "Cannot use the network configuration on standard input: expected a JSON object",
    );
  }
  const fault = nameFault((conf as Record<string, unknown>).name);
  if (fault !== undefined) throw new CniError(CODES.config, fault);
  return conf as Record<string, unknown>;
}

function checkVersion({ cniVersion }: Record<string, unknown>, verb: Verb): CniVersion {
  const fault = versionFault(cniVersion);
  if (fault) throw new CniError(CODES.incompatibleVersion, fault.fault, fault.supported);
  const version = supportedVersion(cniVersion) ?? NEWEST_VERSION;
  if (atLeast(version, SINCE[verb])) return version;
  throw new CniError(
    CODES.incompatibleVersion,
    `Cannot serve ${verb}: cniVersion is ${version}, expected ${SINCE[verb]} or newer`,
  );
}
