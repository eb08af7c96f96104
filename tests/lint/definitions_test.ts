import assert from "node:assert/strict";
import { readDocuments } from "../../drivers/cluster.ts";
import { definitionsIn } from "../../src/lint/definitions.ts";

const CONFIG = '{"type": "macvlan"}';

function object(name: string, namespace?: string) {
  return { kind: "NetworkAttachmentDefinition", metadata: { name, namespace }, spec: { config: CONFIG } };
}

Deno.test("definitionsIn finds definitions in documents, lists and configurations, and skips other objects", () => {
  const documents = [
    { value: object("a", "web"), line: 1 },
    { value: { kind: "List", items: [object("b"), { apiVersion: "v1", kind: "Pod" }] }, line: 10 },
    { value: { name: "c", plugins: [] }, line: 20 },
    { value: null, line: 30 },
    { value: { apiVersion: "v1", kind: "ConfigMap" }, line: 31 },
  ];
  const { definitions, problems } = definitionsIn("a.yaml", documents);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    definitions.map(({ attachment: { namespace, name, config }, place: { line } }) => [namespace, name, config, line]),
    [["web", "a", CONFIG, 1], ["default", "b", CONFIG, 10], ["", "c", '{"name":"c","plugins":[]}', 20]],
  );
});

Deno.test("definitionsIn reports documents that are neither", () => {
  for (const value of ["text", 7, [1], { colour: "red" }]) {
    const { definitions, problems } = definitionsIn("a.yaml", [{ value, line: 4 }]);
    assert.deepEqual(definitions, []);
    assert.deepEqual(problems.map(({ place }) => place), [{ file: "a.yaml", line: 4 }]);
  }
});

Deno.test("readDocuments splits YAML and JSON, with the line on which each document begins", async () => {
  assert.deepEqual(await readDocuments("# a\na: 1\n---\nb: 2\n---\n"), [
    { value: { a: 1 }, line: 2 },
    { value: { b: 2 }, line: 4 },
    { value: null, line: 5 },
  ]);
  assert.deepEqual(await readDocuments('{"a":\n\t[1]}'), [{ value: { a: [1] }, line: 1 }]);
  assert.deepEqual(await readDocuments(""), []);
  await assert.rejects(readDocuments("a: 1\n---\nb: [\n"), /Not YAML \(.* at line \d+, column \d+\)/);
  await assert.rejects(readDocuments("a: 1\na: 2\n"), /Not YAML \(DUPLICATE_KEY at line 2/);
});
