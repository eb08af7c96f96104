import assert from "node:assert/strict";
import { judge, type Verdict } from "../../src/pool/evidence.ts";
import { claimed as owner } from "./evidence_facts.ts";
import { TABLE } from "./evidence_table.ts";

function brief(verdict: Verdict): string {
  switch (verdict.kind) {
    case "free":
      return `free: ${verdict.reason}`;
    case "suspect":
      return `suspect ${verdict.wait / 1_000}: ${verdict.sighting.reason}`;
    default:
      return verdict.kind;
  }
}

for (const { evidence: line, cases } of TABLE) {
  for (const { title, claimed = owner(), evidence, rules = {}, earlier, expected } of cases) {
    Deno.test(`judge, where ${line}: ${title}`, () => {
      assert.equal(brief(judge(claimed, evidence, rules, earlier)), expected);
    });
  }
}
