import assert from "node:assert/strict";
import { KINDS } from "../src/pool/finding.ts";
import { database, run } from "./cli/lab.ts";
import { checkOutput, faultsOf, readSchema, schemaNames } from "./support/schemas.ts";

Deno.test("schemas: every command with --json has one, and each schema belongs to one", async () => {
  const [, section = ""] = /^Commands:?\n([^]*?)\n\n/m.exec((await run("--help")).out) ?? [];
  const names = [...section.matchAll(/^ +([a-z-]+) /gm)].map(([, name = ""]) => name);
  const withJson: string[] = [];
  for (const name of names) if (/ --json /.test((await run(name, "--help")).out)) withJson.push(name);
  assert(withJson.length >= 14, withJson.join());
  assert.deepEqual(schemaNames(), withJson.toSorted());
});

Deno.test("schemas: each member has a description, and the kinds of findings are those of the product", () => {
  const { $defs } = readSchema("common") as {
    readonly $defs: Record<string, { readonly properties?: Record<string, unknown> }>;
  };
  const kind = $defs.finding?.properties?.kind as { readonly enum: readonly string[] };
  assert.deepEqual([...kind.enum].toSorted(), Object.keys(KINDS).toSorted());
  const undescribed: string[] = [];
  const visit = (name: string, schema: unknown) => {
    if (typeof schema !== "object" || schema === null) return;
    for (const [key, value] of Object.entries(schema)) {
      if (key === "properties") {
        for (const [member, one] of Object.entries(value as Record<string, Record<string, unknown>>)) {
          const isStructure = ["object", "array"].includes(String(one.type)) || "$ref" in one;
          if (!("description" in one) && !isStructure) undescribed.push(`${name}: ${member}`);
        }
      }
      visit(name, value);
    }
  };
  for (const name of [...schemaNames(), "common"]) visit(name, readSchema(name));
  assert.deepEqual(undescribed, []);
});

/** A call of each command whose output needs no cluster; the live tests of tests/cli compare all others. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  show: [],
  "who-has": ["10.0.0.1"],
  claims: ["--pods", "PODS"],
  check: ["--pods", "PODS"],
  status: ["--pods", "PODS"],
  plan: ["10.0.0.0/28", "--per-day", "1", "--range", "10.0.0.0/29"],
  reconcile: ["--pods", "PODS", "--dry-run", "--grace", "5"],
  release: ["10.0.0.1", "--yes"],
  resize: ["10.0.0.0/28", "10.9.0.0/24"],
  lint: ["NETWORK"],
  history: ["--from", "HISTORY"],
  install: ["--check"],
  version: [],
};

for (const [command, args] of Object.entries(CALLS)) {
  Deno.test(`schemas: the output of ${command} has the form of its schema`, async () => {
    await using db = await database();
    const files: Readonly<Record<string, string>> = {
      PODS: "default/web-0\n",
      NETWORK: JSON.stringify({ name: "a", type: "macvlan", ipam: { type: "whereabouts", range: "10.0.0.300/24" } }),
      HISTORY: `${JSON.stringify({ time: "2026-11-29T12:00:00Z", event: "failed", code: 11, error: "full" })}\n`,
    };
    const given = [];
    for (const arg of args) {
      const text = files[arg];
      if (text !== undefined) await Deno.writeTextFile(`${db.path}.${arg}`, text);
      given.push(text === undefined ? arg : `${db.path}.${arg}`);
    }
    const hasStore = !["lint", "history", "install", "version"].includes(command);
    const { out, err } = await run(command, "--json", ...given, ...(hasStore ? ["--database", db.path] : []));
    assert.notEqual(out.trim(), "", err);
    checkOutput(command, out);
  });
}

Deno.test("schemas: an unknown member, a missing one and another type are found", () => {
  assert.deepEqual(faultsOf("version", { version: "1", revision: "a", cniVersions: [] }), []);
  assert.match(faultsOf("version", { version: "1", revision: "a", cniVersions: [], x: 1 }).join(), /additional/);
  assert.match(faultsOf("version", { version: "1", revision: "a" }).join(), /cniVersions/);
  assert.match(faultsOf("version", { version: 1, revision: "a", cniVersions: [] }).join(), /must be string/);
});
