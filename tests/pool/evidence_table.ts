/**
 * What may free an address without its DEL: each line of the table in the documents, with the cases that hold it.
 *
 * @module
 */
import { ABSENT_PODS } from "./evidence_absent.ts";
import type { Row } from "./evidence_facts.ts";
import { OTHER_EVIDENCE } from "./evidence_present.ts";

/** Every line. */
export const TABLE: readonly Row[] = [...ABSENT_PODS, ...OTHER_EVIDENCE];
