/**
 * Machinery that makes calls faster, and how a copy of the sources loses it. The numbers beside the code are of
 * `deno task bench --ablation NAME`.
 *
 * @module
 */
import { type Edit, editsOf } from "../support/edited.ts";

/**
 * What is timed: a process that serves its call itself; a process that the agent serves; calls to an agent over its socket: one after
 * another, a hundred at the same time, and a hundred for one attachment.
 */
export type Scenario = "direct" | "agent" | "calm" | "burst" | "attachment";

/** One piece of machinery. */
export interface Ablation {
  /** For the table. */
  readonly name: string;
  /** The calls that it is for. */
  readonly scenarios: readonly Scenario[];
  /** Edits that remove it. */
  readonly edits: readonly Edit[];
}

/** Every piece. */
export const ABLATIONS: readonly Ablation[] = [
  {
    name: "TLS warm-up",
    scenarios: ["direct"],
    edits: editsOf("main.ts", ["  void warmUpTls(call);\n", ""]),
  },
  {
    name: "trimmed bundle",
    scenarios: ["direct", "agent"],
    edits: editsOf("install/compile.ts", ["  await trim(folder);\n", ""]),
  },
  {
    name: "batches",
    scenarios: ["burst"],
    edits: editsOf("src/agent/batcher.ts", ["const MAX_BATCH_SIZE = 1_000;", "const MAX_BATCH_SIZE = 1;"]),
  },
  {
    name: "pool memory",
    scenarios: ["calm", "burst"],
    edits: editsOf("src/agent/batcher.ts", ["const from = this.#memory.recall(start);", "const from = undefined;"]),
  },
  {
    name: "local locks",
    scenarios: ["attachment"],
    edits: editsOf("src/agent/service.ts", ["this.#lock = localLocks(world.lock);", "this.#lock = world.lock;"]),
  },
];

/** Files and folders that the binary is built from. */
export const SOURCES = ["deno.json", "deno.lock", "main.ts", "mod.ts", "src", "drivers", "install", "page"];

/**
 * The pieces of these names; all of them for `all`, or without a name.
 *
 * @throws {RangeError} no piece has that name
 */
export function chosenAblations(names: readonly string[]): readonly Ablation[] {
  if (names.length === 0 || names.includes("all")) return ABLATIONS;
  return names.map((name) => {
    const found = ABLATIONS.find((one) => one.name === name);
    if (found) return found;
    const known = ABLATIONS.map((one) => `"${one.name}"`).join(", ");
    throw new RangeError(`--ablation ${JSON.stringify(name)}: no machinery has this name; expected ${known} or "all"`);
  });
}
