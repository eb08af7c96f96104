/**
 * A call of the container runtime as a value: environment variables and standard input, which the plugin reads once and may send to the
 * agent.
 *
 * @module
 */
import { messageOf } from "../values/errors.ts";
import { parseJson } from "../values/json.ts";
import type { World } from "../world/world.ts";

/** Environment variables of a CNI call. */
const VARIABLES = ["CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"] as const;

/** Max bytes of standard input. A network configuration has a few thousand, a long attachment list of GC some hundred thousand. */
export const INPUT_LIMIT = 4 * 1024 * 1024;

/** Standard input has no document: it is unreadable or not JSON. */
class InputError extends Error {
  /** The class, for logs. */
  override readonly name = "InputError";
  /** Whether standard input was read; then its content is invalid. */
  readonly isRead: boolean;

  /** `isRead`: whether standard input was read. */
  constructor(message: string, isRead: boolean) {
    super(message);
    this.isRead = isRead;
  }
}

/** One call. */
export interface Call {
  /** The CNI variables that are set. */
  readonly env: Readonly<Record<string, string>>;
  /** Standard input. Undefined if it is unreadable or not UTF-8; empty for VERSION, which does not read it. */
  readonly text: string | undefined;
  /** The document on standard input, or the reason why it is missing. */
  readonly input: { readonly document: unknown } | { readonly error: InputError };
}

/** The output of the process. */
export interface Answer {
  /** For standard output. */
  readonly stdout: string;
  /** 0, or 1 with an error object on standard output. */
  readonly exitCode: number;
}

/** Reads the call of this process. Never throws: {@linkcode Call.input} has the error. */
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

/** Makes a call from CNI variables and standard input. */
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
  return new InputError(`Cannot read the network configuration from standard input: ${messageOf(error)}`, false);
}

function malformed(error: unknown): InputError {
  return new InputError(`Cannot decode the network configuration on standard input: ${messageOf(error)}`, true);
}
