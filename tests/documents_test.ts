import assert from "node:assert/strict";
import { REGISTRY, REPOSITORY_URL } from "../install/repository.ts";
import { CODES } from "../src/cni/error.ts";
import { IPAM_FIELDS } from "../src/config/schema.ts";
import { VERSION } from "../src/version.ts";
import { run } from "./cli/lab.ts";
import {
  commandBlocks,
  crdTables,
  DOCUMENTS,
  evidenceTable,
  findingsTable,
  metricsTable,
  phrases,
  textOf,
} from "./documents.ts";

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
    const { code } = await new Deno.Command("grep", { args: ["-rqE", `"(npm:)?${name}`, `${ROOT}${path}`] }).output();
    assert.equal(code, 0, `${path} imports no ${name}`);
  }
});

/** Functions of the library without an example of their own, and why. */
const WITHOUT_EXAMPLE: Readonly<Record<string, string>> = {
  ElasticSlices: "it needs a cluster: tests/controllers/elastic_live_test.ts runs one",
  judge: "pure rules, which the operations guide has as a table from its test",
  openPods: "it needs a cluster: tests/install/library_live_test.ts runs one",
};

Deno.test("documents: every function and class of the library has an example, which `deno test --doc` runs", async () => {
  const command = new Deno.Command(Deno.execPath(), { args: ["doc", "--json", "mod.ts"], cwd: ROOT });
  const { stdout } = await command.output();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as Documented;
  const all = Object.values(nodes).flatMap(({ symbols }) => symbols).filter(({ name, declarations }) =>
    declarations.some(({ kind }) => kind === "function" || kind === "class") && !name.endsWith("Error")
  );
  assert(all.length > 30, `${all.length} functions and classes`);
  const without = all.filter(({ declarations }) =>
    !declarations.some(({ jsDoc }) =>
      jsDoc?.tags?.some(({ kind, doc }) => kind === "example" && doc?.includes("```ts\n"))
    )
  );
  assert.deepEqual(without.map(({ name }) => name).toSorted(), Object.keys(WITHOUT_EXAMPLE).toSorted());
});

/** The used part of the output of `deno doc --json`. */
interface Documented {
  readonly nodes: Readonly<Record<string, { readonly symbols: readonly DocumentedSymbol[] }>>;
}

interface DocumentedSymbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly jsDoc?: { readonly tags?: readonly { readonly kind: string; readonly doc?: string }[] };
  }[];
}

/** Tables that are generated from the product and its tests. */
const TABLES: readonly (readonly [document: string, name: string, title: string, make: () => string])[] = [
  ["docs/OPERATIONS.md", "metrics table", "every metric of agent and controller", metricsTable],
  ["docs/OPERATIONS.md", "evidence table", "the evidence that frees an address", evidenceTable],
  ["docs/TROUBLESHOOTING.md", "findings table", "every kind of finding", findingsTable],
  ["docs/CRDS.md", "CRD tables", "every field of the custom resources", crdTables],
];

for (const [document, name, title, make] of TABLES) {
  Deno.test(`documents: ${document} has ${title} (UPDATE_GOLDEN=1 writes it)`, () => {
    const path = `${ROOT}${document}`;
    const text = textOf(document);
    const between = new RegExp(`(<!-- ${name}:[^>]*-->\\n)[^]*?(<!-- end of ${name} -->)`);
    assert.match(text, between);
    const written = text.replace(between, (_, before, after) => `${before}\n${make()}\n\n${after}`);
    if (Deno.env.get("UPDATE_GOLDEN")) Deno.writeTextFileSync(path, written);
    else assert.equal(text, written);
  });
}

Deno.test("documents: TROUBLESHOOTING has a row with a remedy for each error code", () => {
  const section = textOf("docs/TROUBLESHOOTING.md").split("## Error codes")[1]?.split("\n## ")[0] ?? "";
  const rows = [...section.matchAll(/^\| (\d+) +\| [^|]{10,} \| [^|]{10,} \|$/gm)].map(([, code]) => Number(code));
  assert.deepEqual(rows, Object.values(CODES).toSorted((a, b) => a - b));
});

Deno.test("documents: the README shows an example as it is in docs/examples", () => {
  const [, shown] = /<!-- (?=docs)[^>]*-->\s*```yaml\n([^]*?)```/.exec(textOf("README.md")) ?? [];
  assert.equal(shown, textOf("docs/examples/macvlan.yaml"));
});

Deno.test("documents: the README names the versions of Kubernetes and Multus that the tests build, and the command for another", () => {
  const assets = textOf("tests/support/assets.ts");
  const [, kubernetes = ""] = /KUBERNETES = "([\d.]+)"/.exec(assets) ?? [];
  const [, multus = ""] = /multus: \{[^}]*version: "(v[\d.]+)"/.exec(assets) ?? [];
  const readme = textOf("README.md");
  const versions = [...readme.matchAll(/^\| (1\.\d+\.\d+) +\| .*: all pass/gm)].map(([, version = ""]) => version);
  assert.match(readme, new RegExp(`^\\| ${kubernetes} +\\| every test, `, "m"));
  const minors = versions.map((version) => Number(version.split(".")[1]));
  assert.deepEqual(minors, [...new Set(minors)].toSorted((a, b) => b - a), "newest first, each minor once");
  const [, other = "", runner = "", paths = ""] =
    /^WHEREABOUTS_TEST_KUBERNETES=(\S+) deno run -A (\S+) (.+)$/m.exec(readme) ?? [];
  assert(versions.includes(other), `the table has no version ${other}`);
  for (const path of [runner, ...paths.split(" ")]) assert(Deno.statSync(`${ROOT}${path}`), path);
  for (const document of ["README.md", "docs/QUICKSTART.md"]) assert(textOf(document).includes(multus), document);
});

Deno.test("documents: addresses of releases, images, chart and sources are those of this repository and version", () => {
  const own = phrases().flatMap(({ code }) =>
    code.match(/(?:https:\/\/github\.com|oci:\/\/ghcr\.io)\/whereabouts\S*/g) ?? []
  );
  const allowed = [
    REPOSITORY_URL,
    `${REPOSITORY_URL}/releases/download/v${VERSION}/install.yaml`,
    `oci://${REGISTRY}/charts/whereabouts`,
  ];
  assert.deepEqual([...new Set(own)].toSorted(), allowed.toSorted());
  const versions = phrases().flatMap((
    { code },
  ) => [...code.matchAll(/(?:whereabouts:|--version |newTag: )(\d[\w.]*)/g)]);
  assert(versions.length >= 5, `only ${versions.length} versions were found`);
  for (const [text, version] of versions) assert.equal(version, VERSION, text);
});

/** A call of the binary: at the start, in a folder of programs, in a container or after a pipe; up to a pipe or comment. */
const CALL = /(?:^|bin\/|-- |\| )whereabouts ([a-z][^|;#&]*)/g;

Deno.test("documents: every command of whereabouts exists, with the flags that are shown", async () => {
  const helps = new Map<string, string>();
  let seen = 0;
  for (const { document, code } of phrases()) {
    for (const [, line = ""] of code.matchAll(CALL)) {
      const [command = "", ...rest] = line.split(" ");
      if (!helps.has(command)) {
        const { code: exit, out } = await run(command, "--help");
        assert.equal(exit, 0, `${document}: there is no command whereabouts ${command}`);
        helps.set(command, out);
      }
      for (const flag of rest.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/[=,.].*$/, ""))) {
        if (flag === "--help") continue;
        assert.match(helps.get(command) ?? "", new RegExp(`(?:^|[ ,])${flag}\\b`, "m"), `${document}: ${code}`);
        seen++;
      }
      seen++;
    }
  }
  assert(seen >= 40, `only ${seen} commands and flags were found`);
});

Deno.test("documents: every task of deno exists", () => {
  const { tasks } = JSON.parse(textOf("deno.json"));
  const named = phrases().flatMap(({ document, code }) =>
    [...code.matchAll(/(?:deno|deno@[\d.]+) task ([a-z][\w:-]*)/g)].map(([, task = ""]) => ({ document, task }))
  );
  assert(named.length >= 10, `only ${named.length} tasks are named`);
  for (const { document, task } of named) assert(task in tasks, `${document}: deno task ${task}`);
});

Deno.test("documents: every metric exists", () => {
  const known = new Set([...metricsTable().matchAll(/`(\w+)`/g)].map(([, name]) => name));
  const named = phrases().flatMap(({ document, code }) =>
    [...code.matchAll(/\bwhereabouts_[a-z_]+/g)].map(([name]) => ({ document, name }))
  );
  assert(named.length > known.size, `only ${named.length} metrics are named`);
  for (const { document, name } of named) assert(known.has(name), `${document}: ${name}`);
});

/** Names in the documents for operators that are text of the product, of its manifests or of the scripts around them. */
const NAMES: readonly (readonly [kind: string, pattern: RegExp, atLeast: number])[] = [
  ["environment variable", /^(?:WHEREABOUTS|CNI|HOST|KUBE|SKIP|NODE)[A-Z]*_?[A-Z_]*[A-Z](?==|$)/, 10],
  ["event", /^(?:[A-Z][a-z]+){2,}(?:IP)?[A-Za-z]*$/, 10],
];

for (const [kind, pattern, atLeast] of NAMES) {
  Deno.test(`documents: every ${kind} exists in the product`, async () => {
    const named = new Set(
      phrases().filter(({ document }) => document !== "docs/ARCHITECTURE.md") // names identifiers of packages, too
        .flatMap(({ code }) => pattern.exec(code)?.[0] ?? []),
    );
    assert(named.size >= atLeast, `only ${[...named]} were found`);
    for (const name of named) {
      const places = ["src", "drivers", "install", "e2e", "tests/support", ".ci", "main.ts"].map((one) => ROOT + one);
      const { code } = await new Deno.Command("grep", { args: ["-rqwF", name, ...places] }).output();
      assert.equal(code, 0, `no file of the product contains ${name}`);
    }
  });
}

Deno.test("documents: a field that MIGRATION names as ignored is unknown, and one that it names as a counterpart exists", () => {
  const rows = [...textOf("docs/MIGRATION.md").matchAll(/^\| `?([^|]+?)`? +\| ([^|]+?) +\|$/gm)];
  const ignored = rows.filter(([, , here = ""]) => here.startsWith("ignored with a warning")).map(([, name = ""]) =>
    name
  );
  assert(ignored.length >= 2, `only ${ignored} were found`);
  for (const name of ignored) assert(!(name.replaceAll("`", "") in IPAM_FIELDS), name);
  const here = rows.flatMap(([, , text = ""]) => [...text.matchAll(/`([a-z_]+)`/gi)].map(([, name = ""]) => name));
  const fields = here.filter((name) =>
    /^(?:range|exclude|gateway|node_slice_size|routes|dns|database|ipRanges)/.test(name)
  );
  assert(fields.length >= 10, `only ${fields} were found`);
  for (const name of fields) assert(name in IPAM_FIELDS, name);
});

Deno.test("documents: every document is linked from the README", () => {
  const readme = textOf("README.md");
  const missing = DOCUMENTS.slice(1).filter((document) => !readme.includes(`(${document}`));
  assert.deepEqual(missing, []);
});
