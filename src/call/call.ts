/**
 * One call of a container runtime, read once: environment and standard input in, an answer out. The agent is sent the same two.
 *
 * @module
 */
import { parseJson } from "../values/json.ts";
import type { World } from "../world/world.ts";

/** The variables of a call. */
const VARIABLES = ["CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"] as const;

/** Bytes of standard input, at most. Network configurations have a few thousand; a long attachment list of GC some hundred thousand. */
export const INPUT_LIMIT = 4 * 1024 * 1024;

/** Standard input has no document: it cannot be read, or it is not JSON. */
export class InputError extends Error {
  /** The class, for logs. */
  override readonly name = "InputError";
  /** Whether it was read. */
  readonly isRead: boolean;

  /** Keeps whether the input was read. */
  constructor(message: string, isRead: boolean) {
    super(message);
    this.isRead = isRead;
  }
}

/** One call. */
export interface Call {
  /** The variables of the call that are set, and no others. */
  readonly env: Readonly<Record<string, string>>;
  /** Standard input; undefined where it cannot be read or is not UTF-8. Empty for VERSION, which reads none. */
  readonly text: string | undefined;
  /** The document on standard input, or the reason why it is missing. */
  readonly input: { readonly document: unknown } | { readonly error: InputError };
}

/** What the process prints and ends with. */
export interface Answer {
  /** For standard output. */
  readonly stdout: string;
  /** 0, or 1 with an error object on standard output. */
  readonly exitCode: number;
}

/** Reads the call of this process. Never throws: input without a document is an answer of whoever serves the call. */
export async function readCall(world: Pick<World, "env" | "stdin">): Promise<Call> {
  const env: Record<string, string> = {};
  for (const name of VARIABLES) {
    const value = world.env(name);
    if (value !== undefined) env[name] = value;
  }
  if (env.CNI_COMMAND === "VERSION") return makeCall(env, "");
  let bytes: Uint8Array;
  try {
    bytes = await world.stdin(INPUT_LIMIT);
  } catch (error) {
    return { env, text: undefined, input: { error: unreadable(error) } };
  }
  try {
    return makeCall(env, new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    return { env, text: undefined, input: { error: malformed(error) } };
  }
}

/** A call with this standard input. */
export function makeCall(env: Call["env"], text: string): Call {
  if (new TextEncoder().encode(text).length > INPUT_LIMIT) {
    const error = new RangeError(`Standard input is longer than ${INPUT_LIMIT} bytes`);
    return { env, text, input: { error: unreadable(error) } };
  }
  try {
    return { env, text, input: { document: parseJson(text) } };
  } catch (error) {
    return { env, text, input: { error: malformed(error) } };
  }
}

function unreadable(error: unknown): InputError {
  return new InputError(`Cannot read the network configuration from standard input: ${reasonOf(error)}`, false);
}

function malformed(error: unknown): InputError {
  return new InputError(`Cannot decode the network configuration on standard input: ${reasonOf(error)}`, true);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
