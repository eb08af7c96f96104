/**
 * Findings in SARIF 2.1.0 (OASIS), which code hosting services show beside the lines of a change.
 *
 * @module
 */
import { VERSION } from "../version.ts";
import type { Place } from "./definitions.ts";
import { type LintFinding, nameOf, RULES } from "./lint.ts";

/** A finding and its place; a cluster's definitions have none. */
export interface PlacedFinding extends LintFinding {
  /** The place of its definition. */
  readonly place?: Place;
}

/** The log of one run. */
export function toSarif(findings: readonly PlacedFinding[]): object {
  const rules = Object.entries(RULES).map(([id, { level, about }]) => ({
    id,
    shortDescription: { text: about },
    defaultConfiguration: { level },
  }));
  const results = findings.map(({ rule, attachment, message, place }) => ({
    ruleId: rule,
    level: RULES[rule].level,
    message: { text: `${nameOf(attachment)}: ${message}` },
    locations: [{
      ...(place && {
        physicalLocation: { artifactLocation: { uri: encodeURI(place.file) }, region: { startLine: place.line } },
      }),
      logicalLocations: [{ fullyQualifiedName: nameOf(attachment), kind: "resource" }],
    }],
  }));
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{ tool: { driver: { name: "whereabouts", semanticVersion: VERSION, rules } }, results }],
  };
}
