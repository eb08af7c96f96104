/**
 * Documents and installation: the objects, values and files that commands name exist in manifests, chart and overlays.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse, parseAllDocuments } from "yaml";
import { phrases, textOf } from "./documents.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** Objects of manifests and overlays as `KIND NAME`, in lower case. */
function objects(): Set<string> {
  const folders = ["install/manifests", "install/overlays/openshift"];
  const files = folders.flatMap((folder) =>
    [...Deno.readDirSync(`${ROOT}${folder}`)].filter(({ name }) => name.endsWith(".yaml")).map(({ name }) =>
      `${folder}/${name}`
    )
  );
  const all = files.flatMap((file) => parseAllDocuments(textOf(file)).map((one) => one.toJS()));
  const named = all.filter((one) => one?.metadata?.name);
  return new Set(named.map(({ kind, metadata }) => `${kind} ${metadata.name}`.toLowerCase()));
}

/** Objects of the original, which the migration deletes. */
const OF_THE_ORIGINAL = ["deployment whereabouts-reconciler"];

Deno.test("documents: every object of ours that a command of kubectl names exists", () => {
  const kinds = "daemonset|deployment|cronjob|rolebinding|clusterrole|scc";
  const known = objects();
  const found = phrases().filter(({ code }) => code.startsWith("kubectl ")).flatMap(({ document, code }) =>
    [...code.matchAll(new RegExp(`\\b(${kinds})[ /](whereabouts[\\w-]*)`, "g"))].map(([, kind = "", name]) => ({
      document,
      object: `${kind.replace(/^scc$/, "securitycontextconstraints")} ${name}`,
    }))
  );
  assert(found.length >= 10, `only ${found.length} objects were found`);
  for (const { document, object } of found) {
    assert(known.has(object) || OF_THE_ORIGINAL.includes(object), `${document}: ${object}`);
  }
});

Deno.test("documents: every value that a command sets in the chart exists", () => {
  const values = parse(textOf("install/chart/values.yaml"));
  const sets = phrases().filter(({ code }) => /^helm .*\bwhereabouts\b/.test(code)).flatMap(({ document, code }) =>
    [...code.matchAll(/--set ([\w.]+)=/g)].map(([, name = ""]) => ({ document, name }))
  );
  assert(sets.length >= 4, `only ${sets.length} values were found`);
  for (const { document, name } of sets) {
    const parents = name.split(".");
    const last = parents.pop() ?? "";
    const parent = parents.reduce((object, key) => object?.[key], values);
    assert(parent && last in parent, `${document}: the chart has no value ${name}`);
  }
});

Deno.test("documents: every distribution that a document sets is one of the chart", () => {
  const rows = [...textOf("install/chart/README.md").matchAll(/^\| `(\w+)` +\| `\//gm)].map(([, name]) => name);
  const named = phrases().flatMap(({ code }) => [...code.matchAll(/\bdistribution=(\w+)/g)].map(([, name]) => name));
  assert(named.length >= 2, `only ${named} were found`);
  for (const name of named) assert(rows.includes(name), name);
});

Deno.test("documents: every file of this repository that a command names exists", () => {
  const named = phrases().flatMap(({ document, code }) =>
    [...code.matchAll(/(?<![\w./:-])(?:install|docs|tests|e2e|\.ci)\/[\w./-]*\w/g)].map(([path]) => ({
      document,
      path,
    }))
  );
  assert(named.length >= 20, `only ${named.length} paths were found`);
  const isMissing = ({ path }: { path: string }) => {
    try {
      return !Deno.statSync(`${ROOT}${path}`);
    } catch {
      return true;
    }
  };
  const missing = named.filter(({ path }) => !/\/[A-Z]+(_test\.ts)?$/.test(path)).filter(isMissing);
  assert.deepEqual(missing, []);
});
