/**
 * What may free an address without its DEL: each row of the table in docs/OPERATIONS.md, with its cases.
 *
 * @module
 */
import { ABSENT_PODS } from "./evidence_absent.ts";
import type { Row } from "./evidence_facts.ts";
import { KEPT_ADDRESSES } from "./evidence_kept.ts";
import { OTHER_EVIDENCE } from "./evidence_present.ts";

/** Every row. */
export const TABLE: readonly Row[] = [...ABSENT_PODS, ...KEPT_ADDRESSES, ...OTHER_EVIDENCE];
