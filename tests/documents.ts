/**
 * The documents, their commands, and the tables that are generated for them.
 *
 * @module
 */

import { parse } from "yaml";
import { AgentMetrics } from "../src/agent/metrics.ts";
import { commonMetrics } from "../src/metrics/endpoints.ts";
import { EXITS } from "../src/cli/check_report.ts";
import { ControllerMetrics } from "../src/controllers/metrics.ts";
import { KINDS } from "../src/pool/finding.ts";
import { TABLE } from "./pool/evidence_table.ts";
import { markdownTable } from "./support/markdown.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** Every document with commands: the README, those of `docs/`, and those of chart and overlays. */
export const DOCUMENTS: readonly string[] = [
  "README.md",
  ...markdownIn("docs"),
  ...markdownIn("docs/examples"),
  "install/chart/README.md",
  "install/overlays/README.md",
];

function markdownIn(folder: string): string[] {
  return [...Deno.readDirSync(`${ROOT}${folder}`)].filter(({ name }) => name.endsWith(".md"))
    .map(({ name }) => `${folder}/${name}`).toSorted();
}

/** The text of a file of the repository. */
export function textOf(path: string): string {
  return Deno.readTextFileSync(`${ROOT}${path}`);
}

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
    const text = textOf(document);
    return [...text.matchAll(/(?:<!-- ((?:(?!-->)[^])*?) -->\s*\n)?```sh\n([^]*?)```/g)].map(
      ([whole, mark = "", body = ""]) => {
        const line = text.slice(0, text.indexOf(whole)).split("\n").length;
        const commands = body.split("\n").map((one) => one.replace(/(^|\s)#.*$/, "").trim()).filter((one) =>
          one !== ""
        );
        return { where: `${document}:${line}`, mark, commands };
      },
    );
  });
}

/** A phrase of code in a document. */
export interface Phrase {
  /** The document. */
  readonly document: string;
  /** A line of a block, or the text between two backticks. */
  readonly code: string;
}

/** Every line of code and every text between backticks. */
export function phrases(): Phrase[] {
  return DOCUMENTS.flatMap((document) => {
    const text = textOf(document);
    const blocks = [...text.matchAll(/^```[^\n]*\n([^]*?)^```/gm)].flatMap(([, body = ""]) => body.split("\n"));
    const inline = [...text.replace(/^```[^]*?^```/gm, "").matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
    return [...blocks, ...inline].map((code) => ({ document, code: code.replace(/\s+/g, " ").trim() }));
  });
}

/** A schema of a custom resource definition. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly "x-kubernetes-validations"?: readonly { readonly message: string }[];
}

/** The custom resource definitions as tables: each field with type and description, and the rules for writes. */
export function crdTables(): string {
  const folder = "install/manifests/crds";
  const files = [...Deno.readDirSync(`${ROOT}${folder}`)].map(({ name }) => name).toSorted();
  return files.map((file) => {
    const { spec: { names, versions: [version] } } = parse(textOf(`${folder}/${file}`));
    const schema: Schema = version.schema.openAPIV3Schema;
    const fields = [schema.properties?.spec, schema.properties?.status].flatMap((one, i) =>
      one ? fieldsOf(one, i === 0 ? "spec" : "status") : []
    );
    const rules = fields.flatMap(({ rules }) => rules);
    return [
      `## ${names.kind}`,
      schema.description,
      `Names in kubectl: \`${names.plural}\`, \`${names.shortNames.join("`, `")}\`.`,
      markdownTable([["Field", "Type", "Meaning"], ...fields.map(({ row }) => row)]),
      ...(rules.length > 0 ? [markdownTable([["Field", "Message of a refused write"], ...rules])] : []),
    ].join("\n\n");
  }).join("\n\n");
}

function fieldsOf(schema: Schema, path: string): { readonly row: string[]; readonly rules: string[][] }[] {
  const rules = (schema["x-kubernetes-validations"] ?? []).map(({ message }) => [`\`${path}\``, message]);
  const row = [`\`${path}\``, schema.type ?? "", schema.description ?? ""];
  const below = [
    ...Object.entries(schema.properties ?? {}).map(([name, one]) => [`${path}.${name}`, one] as const),
    ...(schema.items ? [[`${path}[]`, schema.items] as const] : []),
    ...(schema.additionalProperties ? [[`${path}.OFFSET`, schema.additionalProperties] as const] : []),
  ];
  return [{ row, rules }, ...below.flatMap(([name, one]) => fieldsOf(one, name))];
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
    kept: () => [],
    users: () => [],
    nameOf: () => "",
    sweepDue: () => undefined,
    lastSweep: () => undefined,
    unconfirmed: () => [],
    findings: () => [],
  }).text();
  const stats = { cpuSeconds: 0, residentBytes: 0, startSeconds: 0 };
  const common = commonMetrics(stats);
  const rows = Object.entries({ "agent, controller": common, agent, controller }).flatMap(([from, text]) =>
    [...text.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name = "", help = ""]) => [`\`${name}\``, from, help])
  );
  return markdownTable([["Metric", "From", "Meaning"], ...rows]);
}

/** The block of a document below the comment that names it. */
export function blockAfter(document: string, comment: string): string {
  const [, rest] = textOf(document).split(`<!-- ${comment} -->`);
  const block = /^\s*```\w+\n([^]*?)```/.exec(rest ?? "")?.[1];
  if (block === undefined) throw new Error(`${document} has no block below the comment ${JSON.stringify(comment)}`);
  return block;
}
