import assert from "node:assert/strict";
import { bySeverity, printFindings } from "../../src/cli/check_report.ts";
import { PLAIN } from "../../src/cli/style.ts";
import { type Finding, type FindingKind, NO_OWNER } from "../../src/pool/finding.ts";

function finding(kind: FindingKind, pool: string, address = ""): Finding {
  return { ...NO_OWNER, kind, subject: "entry", pool, address, message: `${address} is wrong` };
}

function printed(findings: readonly Finding[], width?: number): string[] {
  const lines: string[] = [];
  const style = width === undefined ? PLAIN : { ...PLAIN, width };
  const usersOf = (pool: string) => pool === "10.0.0.0/24" ? ["web/a", "web/b"] : [];
  printFindings({ print: (line) => void lines.push(line), style }, findings, usersOf, (kind) => `next ${kind}`);
  return lines;
}

Deno.test("printFindings groups findings by kind and pool, worst first, and names each pool and its networks once", () => {
  const lines = printed([
    finding("orphan", "10.0.0.0/24", "10.0.0.1"),
    finding("unreadable", "IPPool x"),
    finding("orphan", "10.0.1.0/24", "10.0.1.1"),
    finding("orphan", "10.0.0.0/24", "10.0.0.2"),
  ]);
  assert.deepEqual(lines.filter((line) => !line.includes("wrong") && line !== ""), [
    "unreadable: 1 (unusable)",
    "  IPPool x",
    "  Correct or delete the object in the message: kubectl edit, with its kind and name.",
    "  Next: next unreadable",
    "orphan: 3 in 2 places (leak)",
    "  10.0.0.0/24 (network web/a, web/b)",
    "  10.0.1.0/24",
    "  The sweep frees it: run the controller, or whereabouts reconcile.",
    "  Next: next orphan",
  ]);
});

Deno.test("printFindings shows some of many, and their number", () => {
  const many = Array.from({ length: 9_500 }, (_, i) => finding("orphan", `10.${i % 20}.0.0/24`, `10.0.0.${i}`));
  const lines = printed(many, 80);
  assert(lines.length < 80, `${lines.length} lines`);
  assert(lines.includes("    … 472 more; -o wide lists all"));
  assert(lines.includes("  … 10 more places; -o wide lists all"));
  for (const line of lines) assert(line.length <= 80, line);
});

Deno.test("bySeverity puts the worst findings first", () => {
  const kinds: FindingKind[] = ["orphan", "unreadable", "duplicate"];
  assert.deepEqual(bySeverity(kinds.map((kind) => finding(kind, ""))).map(({ kind }) => kind), [
    "unreadable",
    "duplicate",
    "orphan",
  ]);
});
