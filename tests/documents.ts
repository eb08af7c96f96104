/**
 * The documents, their commands, and the tables that are generated for them.
 *
 * @module
 */

import { AgentMetrics } from "../src/agent/metrics.ts";
import { EXITS } from "../src/cli/check.ts";
import { ControllerMetrics } from "../src/controllers/metrics.ts";
import { KINDS } from "../src/pool/finding.ts";
import { TABLE } from "./pool/evidence_table.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** Documents with commands. */
export const DOCUMENTS = ["README.md", "docs/OPERATIONS.md", "docs/SECURITY.md", "docs/CONTRIBUTING.md"];

/** A block of commands. */
export interface CommandBlock {
  /** Its location: `README.md:12`. */
  readonly where: string;
  /** The comment above it, which names the test that runs it, or the reason for none. Empty: no comment. */
  readonly mark: string;
  /** Its lines without comments. */
  readonly commands: readonly string[];
}

/** Every block marked as shell in the documents. */
export function commandBlocks(): CommandBlock[] {
  return DOCUMENTS.flatMap((document) => {
    const text = Deno.readTextFileSync(`${ROOT}${document}`);
    return [...text.matchAll(/(?:<!-- ([^]*?) -->\s*\n)?```sh\n([^]*?)```/g)].map(([whole, mark = "", body = ""]) => {
      const line = text.slice(0, text.indexOf(whole)).split("\n").length;
      const commands = body.split("\n").map((one) => one.replace(/(^|\s)#.*$/, "").trim()).filter((one) => one !== "");
      return { where: `${document}:${line}`, mark, commands };
    });
  });
}

/** The evidence that frees an address without its DEL, as a table, from the test of `judge`. */
export function evidenceTable(): string {
  return markdownTable([["Evidence", "Then"], ...TABLE.map(({ evidence, then }) => [evidence, then])]);
}

/** The kinds of findings as a table: exit code, event and remedy of each. */
export function findingsTable(): string {
  const kinds = Object.entries(KINDS).toSorted(([, a], [, b]) => EXITS[a.severity] - EXITS[b.severity]);
  const rows = kinds.map((
    [kind, { severity, reason, remedy }],
  ) => [`\`${kind}\``, `${EXITS[severity]}`, `\`${reason}\``, remedy]);
  return markdownTable([["Finding", "`check`", "Event", "Remedy"], ...rows]);
}

/** The metrics of agent and controller as a table, from their own help texts. */
export function metricsTable(): string {
  const none = () => 0;
  const agent = new AgentMetrics({ inFlight: none, queued: none, pending: none, duplicates: none }).text();
  const controller = new ControllerMetrics({
    leading: () => false,
    pods: none,
    pools: () => [],
    slices: () => [],
    lastSweep: () => undefined,
    unconfirmed: () => [],
    findings: () => [],
  }).text();
  const rows = Object.entries({ agent, controller }).flatMap(([from, text]) =>
    [...text.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name = "", help = ""]) => [`\`${name}\``, from, help])
  );
  return markdownTable([["Metric", "From", "Meaning"], ...rows]);
}

/** A Markdown table in the format of deno fmt. The first row is the head. */
function markdownTable(table: readonly (readonly string[])[]): string {
  const [head = [], ...body] = table;
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}
