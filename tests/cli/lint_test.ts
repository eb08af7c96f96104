import assert from "node:assert/strict";
import { RULES } from "../../src/lint/lint.ts";
import { textOf } from "../documents.ts";
import { FOLDER } from "../examples.ts";
import { run } from "./lab.ts";

Deno.test("lint names file, line, network and rule, in text, JSON and SARIF", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/networks.yaml`;
    const ipam = { type: "whereabouts", datastore: "embedded", range: "10.0.0.0/33" };
    const config = JSON.stringify({ name: "b", type: "macvlan", ipam });
    const metadata = { name: "b" };
    const object = {
      apiVersion: "k8s.cni.cncf.io/v1",
      kind: "NetworkAttachmentDefinition",
      metadata,
      spec: { config },
    };
    await Deno.writeTextFile(file, `# networks\n---\n${JSON.stringify(object)}\n`);
    const { code, out } = await run("lint", file);
    assert.equal(code, 4);
    const [first, last] = out.trimEnd().split("\n");
    assert.match(
      first ?? "",
      new RegExp(`^${file}:3: error: default/b: .*ipam\\.range.*10\\.0\\.0\\.0/33.* \\[invalid-definition\\]$`),
    );
    assert.equal(last, "1 network: 1 error");
    const [finding] = JSON.parse((await run("lint", file, "--json")).out).findings;
    assert.deepEqual([finding.file, finding.line, finding.namespace, finding.name], [file, 3, "default", "b"]);
    const [{ results: [result] }] = JSON.parse((await run("lint", file, "--sarif")).out).runs;
    assert.deepEqual([result.ruleId, result.level], ["invalid-definition", "error"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("lint finds no errors in the examples", async () => {
  const files = [...Deno.readDirSync(FOLDER)].filter(({ name }) => name.endsWith(".yaml")).map(({ name }) =>
    FOLDER + name
  );
  assert(files.length >= 10);
  for (const file of files) {
    const { out } = await run("lint", file, "--json");
    assert.deepEqual(
      JSON.parse(out).findings.filter(({ level }: { level: string }) => level !== "note"),
      [],
      `${file}: ${out}`,
    );
  }
});

Deno.test("lint refuses what it cannot read, and flags that do not fit", async () => {
  const wrong: readonly (readonly [string[], number, RegExp])[] = [
    [[], 2, /expected either files, or --cluster/],
    [["a.yaml", "--cluster"], 2, /expected either files, or --cluster/],
    [["/nowhere.yaml"], 1, /Cannot read \/nowhere\.yaml: file not found/],
    [["-", "--avoid", "10.0.0.0"], 2, /Invalid --avoid "10\.0\.0\.0"/],
    [["-", "--nodes", "0"], 2, /Invalid --nodes "0"/],
    [["--cluster", "--kubeconfig", "/nowhere"], 1, /./],
  ];
  for (const [args, code, why] of wrong) {
    const answer = await run("lint", ...args);
    assert.deepEqual([answer.code, answer.out], [code, ""], answer.err);
    assert.match(answer.err, why);
  }
});

Deno.test("lint: OPERATIONS lists every rule with its level", () => {
  const rows = textOf("docs/OPERATIONS.md").matchAll(/^\| `([a-z-]+)` +\| (error|warning|note) +\| (.+?) +\|$/gm);
  const listed = [...rows].map(([, rule, level, about]) => [rule, level, about]);
  const rules = Object.entries(RULES).map((
    [rule, { level, about }],
  ) => [rule, level, `${about[0]?.toLowerCase()}${about.slice(1)}`]);
  assert.deepEqual(listed, rules);
});
