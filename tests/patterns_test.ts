/**
 * House rule: no regular expression of the product takes more than linear time, whatever text it meets. One that does holds up a thread that
 * serves a whole node or cluster.
 *
 * @module
 */
import { at, none, PRODUCT, saw } from "./support/tidy.ts";

/** Characters of a hostile text. A pattern that looks at each pair of positions takes about a second for so many. */
const LENGTH = 20_000;
/** Milliseconds that a pattern may take for them: a hundred times what the slowest linear one needs. */
const LIMIT = 100;

const PIECES = [
  " ",
  "\n",
  "\t",
  "a",
  "A",
  "0",
  "1",
  "-",
  ".",
  "/",
  ":",
  ",",
  '"',
  "[",
  "(",
  "=",
  "%",
  "_",
  "~",
  "a-",
  "a.",
  "0.",
  "a/",
  "a ",
  "-a",
];
const ENDS = ["", "!", "\u0000", " x", "\n"];

/** What a pattern repeats or begins with, as far as its literal text tells. */
function piecesOf(source: string): string[] {
  const words = source.match(/[A-Za-z ]{3,}/g) ?? [];
  return [...PIECES, ...words, ...new Set(source.replace(/\\(.)/g, "$1"))];
}

/** The shortest of three runs, in milliseconds. */
function timeOf(pattern: RegExp, text: string): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3 && shortest > LIMIT; i++) {
    const start = performance.now();
    pattern.test(text);
    shortest = Math.min(shortest, performance.now() - start);
  }
  return shortest;
}

/** A text that the pattern takes too long for; undefined: none was found. */
function slowOn(pattern: RegExp): string | undefined {
  const [start = ""] = pattern.source.match(/[A-Za-z" ]{3,}/) ?? [];
  for (const piece of piecesOf(pattern.source)) {
    const body = piece.repeat(LENGTH / piece.length);
    for (const before of new Set(["", start])) {
      for (const end of ENDS) {
        const time = timeOf(pattern, before + body + end);
        if (time > LIMIT) {
          return `${Math.round(time)} ms for ${JSON.stringify(before)} + ${JSON.stringify(piece)} x ${LENGTH} + ${
            JSON.stringify(end)
          }`;
        }
      }
    }
  }
}

Deno.test("tidy: regular expressions take linear time on hostile text", () => {
  const all = PRODUCT.flatMap((file) => file.patterns.map((one) => [file, one] as const));
  saw("regular expressions", all.length, 50);
  if (slowOn(/\s*note:\s*$/) === undefined || slowOn(/\/+$/) === undefined) throw new Error("This test sees nothing");
  none(
    "A regular expression that is not linear; anchor it, or go through the text by indexOf",
    all.flatMap(([file, { what, line, pattern }]) => {
      const slow = slowOn(pattern);
      return slow === undefined ? [] : [at(file, { what: `${what}: ${slow}`, line })];
    }),
  );
});
