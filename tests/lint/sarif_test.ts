import assert from "node:assert/strict";
import { toSarif } from "../../src/lint/sarif.ts";

const ATTACHMENT = { namespace: "web", name: "a", uid: "", config: "" };

Deno.test("toSarif gives each finding its rule, level and place; one of a cluster has no file", () => {
  const log = JSON.parse(JSON.stringify(toSarif([
    { rule: "slices", attachment: ATTACHMENT, message: "too few", place: { file: "net works.yaml", line: 8 } },
    { rule: "overlap", attachment: ATTACHMENT, message: "twice" },
  ])));
  assert.equal(log.version, "2.1.0");
  const [{ tool: { driver }, results }] = log.runs;
  const known = new Set(driver.rules.map(({ id }: { id: string }) => id));
  assert(results.every(({ ruleId }: { ruleId: string }) => known.has(ruleId)));
  assert.deepEqual(results.map((one: { level: string; message: { text: string } }) => [one.level, one.message.text]), [
    ["error", "web/a: too few"],
    ["note", "web/a: twice"],
  ]);
  assert.deepEqual(results[0].locations[0].physicalLocation, {
    artifactLocation: { uri: "net%20works.yaml" },
    region: { startLine: 8 },
  });
  assert.equal(results[1].locations[0].physicalLocation, undefined);
});
