import assert from "node:assert/strict";
import { judge, type Verdict } from "../../src/pool/evidence.ts";
import { assignment as owner } from "./evidence_facts.ts";
import { TABLE } from "./evidence_table.ts";

function brief(verdict: Verdict): string {
  switch (verdict.kind) {
    case "free":
    case "detach":
      return `${verdict.kind}: ${verdict.reason}`;
    case "suspect":
      return `${verdict.detaches ? "detach" : "suspect"} ${verdict.wait / 1_000}: ${verdict.sighting.reason}`;
    default:
      return verdict.kind;
  }
}

for (const { evidence: line, cases } of TABLE) {
  for (const { title, assignment = owner(), evidence, rules = {}, earlier, expected } of cases) {
    Deno.test(`judge: ${line}: ${title}`, () => {
      assert.equal(brief(judge(assignment, evidence, rules, earlier)), expected);
    });
  }
}
