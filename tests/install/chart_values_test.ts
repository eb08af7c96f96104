/**
 * The files of the chart agree with each other, with the manifests and with the program.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { FLAT_FILES } from "../../src/config/files.ts";
import { BIN_FOLDERS } from "../../src/install/node_check.ts";
import { chartValues, distributionsTable, originalTable, valuesTable } from "../support/chart_values.ts";
import { metricsTable } from "../documents.ts";

const CHART = new URL("../../install/chart/", import.meta.url);
const CRDS = new URL("../../install/manifests/crds/", import.meta.url);

const read = (path: string, base = CHART) => Deno.readTextFile(new URL(path, base));

/** The part of the schema that describes a value; undefined: the schema does not know the name. */
function schemaOf(schema: Schema, name: string): Schema | undefined {
  let found: Schema | undefined = schema;
  for (const part of name.split(".")) found = resolve(schema, found)?.properties?.[part];
  return resolve(schema, found);
}

interface Schema {
  readonly $ref?: string;
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

function resolve(root: Schema, one: Schema | undefined): Schema | undefined {
  return one?.$ref === undefined ? one : root.definitions?.[one.$ref.replace("#/definitions/", "")];
}

/** The names of all values of the schema: those without known members of their own. */
function namesOf(root: Schema, one: Schema, path: readonly string[] = []): readonly string[] {
  const { properties } = resolve(root, one) ?? {};
  if (properties === undefined) return [path.join(".")];
  return Object.entries(properties).flatMap(([name, below]) => namesOf(root, below, [...path, name]));
}

Deno.test("the schema of the chart has exactly the values of values.yaml, and those that it refuses by name", async () => {
  const schema: Schema = JSON.parse(await read("values.schema.json"));
  const values = chartValues(await read("values.yaml")).map(({ name }) => name);
  assert.ok(values.length > 80, `${values.length} values`);
  assert.deepEqual(values.filter((name) => schemaOf(schema, name) === undefined), []);
  const originals = Object.keys(parse(await read("files/original-values.yaml")));
  const known = [...values, ...originals, "enabled"]; // `enabled`: the condition of a dependency
  const covered = (name: string) => known.some((one) => name === one || name.startsWith(`${one}.`));
  assert.deepEqual(namesOf(schema, schema).filter((name) => !covered(name)), []);
});

Deno.test("the schema of the chart permits further members only where Kubernetes defines them", async () => {
  const schema: Schema = JSON.parse(await read("values.schema.json"));
  const open: string[] = [];
  const visit = (one: Schema, path: string) => {
    if (one.properties && one.additionalProperties !== false) open.push(path);
    for (const [name, below] of Object.entries(one.properties ?? {})) visit(below, `${path}.${name}`);
  };
  visit(schema, "");
  for (const [name, one] of Object.entries(schema.definitions ?? {})) visit(one, name);
  assert.deepEqual(open, [".global"]); // shared with other charts
});

Deno.test("every value of the chart has a description", async () => {
  const text = await read("values.yaml");
  const described = chartValues(text).map(({ name }) => name);
  const leaves = (value: unknown, path: readonly string[]): readonly string[] =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
      ? Object.entries(value).flatMap(([name, below]) => leaves(below, [...path, name]))
      : [path.join(".")];
  const missing = leaves(parse(text), []).filter((leaf) =>
    !described.some((name) => leaf === name || leaf.startsWith(`${name}.`))
  );
  assert.deepEqual(missing, []);
});

/** Tables of documents, from the files of the chart. */
const TABLES: readonly (readonly [document: string, name: string, make: () => Promise<string>])[] = [
  ["README.md", "values", async () => valuesTable(chartValues(await read("values.yaml")))],
  ["README.md", "original values", async () => originalTable(parse(await read("files/original-values.yaml")))],
  ["README.md", "distributions", async () => distributionsTable(parse(await read("files/distributions.yaml")))],
  [
    "../../docs/INSTALL.md",
    "distributions",
    async () => distributionsTable(parse(await read("files/distributions.yaml"))),
  ],
];

for (const [document, name, make] of TABLES) {
  Deno.test(`${document} of the chart has the ${name} table (UPDATE_GOLDEN=1 writes it)`, async () => {
    const path = new URL(document, CHART);
    const text = await Deno.readTextFile(path);
    const between = new RegExp(`(<!-- ${name} table[^>]*-->\\n)[^]*?(<!-- end of ${name} table -->)`);
    assert.match(text, between);
    const table = await make();
    const written = text.replace(between, (_, before, after) => `${before}\n${table}\n\n${after}`);
    if (Deno.env.get("UPDATE_GOLDEN")) await Deno.writeTextFile(path, written);
    else assert.equal(text, written);
  });
}

Deno.test("the custom resource definitions of the chart are files, equal to those of the manifests", async () => {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(new URL("crds/", CHART))) {
    assert.ok(isFile, `${name} is no file`);
    assert.equal(await read(`crds/${name}`), await read(name, CRDS), name);
    names.push(name);
  }
  assert.deepEqual(names.sort(), [...Deno.readDirSync(CRDS)].map(({ name }) => name).sort());
});

Deno.test("plugin and check search the folders of every distribution", async () => {
  const folders: Record<string, { readonly binDir: string; readonly confDir: string }> = parse(
    await read("files/distributions.yaml"),
  );
  for (const [name, { binDir, confDir }] of Object.entries(folders)) {
    assert.ok(FLAT_FILES.includes(`${confDir}/whereabouts.d/whereabouts.conf`), name);
    assert.ok(BIN_FOLDERS.includes(binDir), name);
  }
});

Deno.test("the alerts use metrics that exist or are recorded, and name a severity and each annotation", async () => {
  const { groups } = parse(await read("files/alerts.yaml"));
  const rules = groups.flatMap((group: { readonly rules: unknown[] }) => group.rules);
  assert.ok(rules.length >= 5);
  const recorded = rules.flatMap(({ record }: { readonly record?: string }) => record ?? []);
  const known = [metricsTable(), ...recorded.map((name: string) => `\`${name}\``)].join();
  for (const { record, alert = record, expr, labels, annotations } of rules) {
    const names = expr.match(/whereabouts[_:][\w:]+/g) ?? [];
    assert.ok(names.length > 0, alert);
    for (const name of names) assert.ok(known.includes(`\`${name}\``), `${alert}: ${name}`);
    if (record !== undefined) continue;
    assert.match(labels.severity, /^(critical|warning)$/, alert);
    assert.deepEqual(Object.keys(annotations), ["summary", "description", "runbook_url"], alert);
  }
});
