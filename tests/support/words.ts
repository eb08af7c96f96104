/**
 * Phrases and identifiers that are wrong wherever they stand, each with its replacement; the word list of docs/CONTRIBUTING.md has the rest.
 *
 * @module
 */

/** A pattern, and what to write instead. */
export const WORDS: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\banew\b/i, "recreate, re-read, reload, again"],
  [/\b(?:is|are|was|were|be|been) told\b(?! (?:apart|from))|\btells? of\b/i, "logs, reports, warns about"],
  [/\bthere (?:is|are|was|were) none\b/i, "is missing, not found, does not exist"],
  [/\b(?:is|are|was|were) not there\b/i, "is missing, not found, does not exist"],
  [/\bmeans? nothing\b/i, "is invalid, unknown, ignored"],
  [/\bcannot be used here\b/i, "is invalid, unsupported, refused"],
  [/\bwhat it does not\b/i, "name the thing"],
  [/\bleft as (?:it is|they are)\b/i, "left unchanged"],
  [/\bgo(?:es)? on\b|\bwent on\b/i, "continues, resumes, keeps running"],
  [/\b(?:gives?|gave|given|giving) back\b|\b(?:takes?|took|taken|taking) back\b/i, "releases, frees, undoes"],
  [/\bhand(?:s|ed|ing)? out\b/i, "allocates, assigns"],
  [/\bby turns\b/i, "alternately"],
  [/\bwanted (?:an?|one|the|either)\b/i, "expected"],
  [/\b(?:says|said) (?:so|no|yes|nothing)\b/i, "reports, refuses, confirms"],
  [/\b(?:MOST|LEAST|LONGEST)_[A-Z]|\b(?:MOST|LEAST)\b(?= *[=+*/;)])/, "MAX_, MIN_"],
  [/\bpatience\b/i, "timeout (milliseconds), deadline (an AbortSignal)"],
  [/\bAGAIN\b/, "an interval, a timeout"],
  [/\b(?:tell|told|said|standing)\b(?= *(?:[=(:;.]|\?\.))/, "report, record, found, the state by its name"],
];
