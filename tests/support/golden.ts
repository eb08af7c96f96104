/**
 * Requests and answers as files: `tests/golden/VERSION/CASE.json`. `UPDATE_GOLDEN=1` writes them; what changed is then for git to show.
 *
 * @module
 */
import assert from "node:assert/strict";

const FOLDER = new URL("../golden/", import.meta.url);

/** A request and its answer. */
export interface Golden {
  /** What was asked, as JSON. */
  readonly request: unknown;
  /** What was answered, as JSON. */
  readonly answer: unknown;
}

/** Compares with the file, or writes it. */
export function assertGolden(version: string, name: string, golden: Golden): void {
  const folder = new URL(`${version}/`, FOLDER);
  const file = new URL(`${name.replace(/[^a-zA-Z0-9]+/g, "_")}.json`, folder);
  const text = `${
    JSON.stringify({ name, ...golden }, (_, value) => typeof value === "bigint" ? String(value) : value, 2)
  }\n`;
  if (Deno.env.get("UPDATE_GOLDEN")) {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(file, text);
    return;
  }
  assert.deepEqual(
    JSON.parse(text),
    JSON.parse(Deno.readTextFileSync(file)),
    `${file.pathname} differs; UPDATE_GOLDEN=1 writes it`,
  );
}
