import assert from "node:assert/strict";
import { commandBlocks, evidenceTable, findingsTable, metricsTable } from "./documents.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** `run by PATH, PATH`, `run against a cluster` (documents_live_test.ts), `not run: REASON`. */
const MARK = /^(run by (?<paths>\S+(, \S+)*)|run against a cluster|not run: (?<reason>.{10,}))$/s;

Deno.test("documents: every block of commands names the test that runs it, or the reason for none", () => {
  const blocks = commandBlocks();
  assert(blocks.length >= 5, `only ${blocks.length} blocks were found`);
  for (const { where, mark } of blocks) assert.match(mark, MARK, `${where} has no valid comment above it`);
});

Deno.test("documents: a test that runs a block of commands contains them", () => {
  for (const { where, mark, commands } of commandBlocks()) {
    const paths = MARK.exec(mark)?.groups?.paths;
    if (!paths) continue;
    const tests = paths.split(", ").map((path) => Deno.readTextFileSync(new URL(`../${path}`, import.meta.url))).join(
      "\n",
    );
    for (const command of commands) {
      const word = command.split(/\s+/).filter((one) => !one.startsWith("-")).at(-1) ?? command;
      assert(
        tests.includes(word),
        `${where}: ${paths} does not contain ${JSON.stringify(word)} of ${JSON.stringify(command)}`,
      );
    }
  }
});

Deno.test("documents: the README names each package of deno.json with a file or folder that imports it", async () => {
  const read = (path: string) => Deno.readTextFileSync(new URL(`../${path}`, import.meta.url));
  const packages = Object.keys(JSON.parse(read("deno.json")).imports);
  const rows = [...read("README.md").matchAll(/^\| `npm:(\S+)` +\| \[[^\]]*\]\(([^)]+)\)/gm)];
  assert.deepEqual(rows.map(([, name]) => name).toSorted(), packages.toSorted());
  for (const [, name, path = ""] of rows) {
    const { code } = await new Deno.Command("grep", { args: ["-rqF", `"${name}`, `${ROOT}${path}`] }).output();
    assert.equal(code, 0, `${path} imports no ${name}`);
  }
});

/** Tables of the operations guide that are generated from the product and its tests. */
const TABLES: readonly (readonly [name: string, title: string, make: () => string])[] = [
  ["metrics", "every metric of agent and controller", metricsTable],
  ["findings", "every kind of finding", findingsTable],
  ["evidence", "the evidence that frees an address", evidenceTable],
];

for (const [name, title, make] of TABLES) {
  Deno.test(`documents: the operations guide has ${title} (UPDATE_GOLDEN=1 writes it)`, () => {
    const path = new URL("../docs/OPERATIONS.md", import.meta.url);
    const text = Deno.readTextFileSync(path);
    const between = new RegExp(`(<!-- ${name} table[^>]*-->\\n)[^]*?(<!-- end of ${name} table -->)`);
    assert.match(text, between);
    const written = text.replace(between, (_, before, after) => `${before}\n${make()}\n\n${after}`);
    if (Deno.env.get("UPDATE_GOLDEN")) Deno.writeTextFileSync(path, written);
    else assert.equal(text, written);
  });
}
