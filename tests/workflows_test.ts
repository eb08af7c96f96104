/**
 * Rules of the workflows, and of the name of the repository.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { REPOSITORY, REPOSITORY_URL } from "../install/repository.ts";
import { VERSION } from "../src/version.ts";
import { FILES, none, saw } from "./support/tidy.ts";

const WORKFLOWS = FILES.filter(({ path }) => path.startsWith(".github/workflows/"));
const TASKS = Object.keys(JSON.parse(textOf("deno.json")).tasks);

/** Steps that publish: no developer's machine can run them. */
const PUBLISHING = /\b(?:skopeo|cosign|helm push|gh (?:run|release)|deno@\S+ publish)\b/;

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly steps?: readonly Step[];
  readonly uses?: string;
  readonly permissions?: Readonly<Record<string, string>>;
}

function textOf(path: string): string {
  return FILES.find((file) => file.path === path)?.text ?? assert.fail(`${path} is missing`);
}

/** Every line of the workflows with its place. */
function lines(): { readonly at: string; readonly line: string }[] {
  return WORKFLOWS.flatMap(({ path, text }) => text.split("\n").map((line, i) => ({ at: `${path}:${i + 1}`, line })));
}

function jobs(): { readonly name: string; readonly job: Job }[] {
  return WORKFLOWS.flatMap(({ path, text }) =>
    Object.entries<Job>(parse(text).jobs).map(([name, job]) => ({ name: `${path}: ${name}`, job }))
  );
}

Deno.test("workflows: every action is pinned to a commit, with its version beside it, the same one everywhere", () => {
  const uses = lines().filter(({ line }) => /^\s*(?:- )?uses: (?!\.\/)/.test(line));
  saw("actions", uses.length, 15);
  none(
    "An action that is not pinned: expected uses: OWNER/NAME@40 hexadecimal digits # vX.Y.Z",
    uses.filter(({ line }) => !/uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line)).map(({ at }) => at),
  );
  const pins = uses.map(({ line }) => /uses: ([\w.-]+\/[\w.-]+)\S*?@(.*)$/.exec(line) ?? []);
  for (const [name, group] of Map.groupBy(pins, ([, name]) => name)) {
    assert.equal(new Set(group.map(([, , pin]) => pin)).size, 1, `${name} has several pins`);
  }
});

Deno.test("workflows: every task that a step runs exists, and runs in the version of Deno that the Dockerfile has", () => {
  const text = WORKFLOWS.map(({ text }) => text).join("\n");
  const tasks = [...text.matchAll(/\bdeno@\S+ task (?:--quiet )?([\w:]+)/g)].map(([, name = ""]) => name);
  saw("tasks", tasks.length, 5);
  none("A task that deno.json lacks", tasks.filter((name) => !TASKS.includes(name)));
  const [, version] = /^ARG DENO_IMAGE=(?:\S+\/)?deno:(\d+\.\d+\.\d+)/m.exec(textOf("Dockerfile")) ?? [];
  const used = [...text.matchAll(/\bdeno@(\S+)/g), ...textOf(".ci/run").matchAll(/\bdeno@(\S+)/g)];
  assert.deepEqual(new Set(used.map(([, found]) => found)), new Set([version]));
});

Deno.test("workflows: steps run tasks, but for those that publish, which are all in the one job that may", () => {
  const all = jobs();
  saw("jobs", all.length, 6);
  for (const { name, job } of all) {
    const isPublishing = name.endsWith("release.yml: publish");
    for (const { run = "" } of job.steps ?? []) {
      if (isPublishing) continue;
      const command = run.trim().replace(/^sudo env (?:"(\w+)=\$\1" )+/, "");
      assert.match(command || "task", /^(?:npx -y deno@\S+ task [^\n]+|\.ci\/run|task)$/, `${name}: ${run}`);
      assert.doesNotMatch(run, PUBLISHING, name);
    }
    const writes = Object.entries(job.permissions ?? {}).filter(([, right]) => right === "write").map(([right]) =>
      right
    );
    const allowed = isPublishing ? ["attestations", "contents", "id-token", "packages"] : ["security-events"];
    assert.deepEqual(writes.filter((right) => !allowed.includes(right)), [], name);
  }
  for (const { path, text } of WORKFLOWS) assert.deepEqual(parse(text).permissions, { contents: "read" }, path);
});

Deno.test("workflows: no step writes a file into the checkout but into dist, since JSR refuses a checkout with changes", () => {
  const written = /(?:>>?|--digestfile|\btee)\s+(?:"([^"]+)"|(\S+))/g;
  const files = jobs().flatMap(({ name, job }) =>
    (job.steps ?? []).flatMap(({ run = "" }) =>
      [...run.matchAll(written)].map(([, quoted, plain]) => ({ name, file: quoted ?? plain ?? "" }))
    )
  );
  saw("written files", files.length, 3);
  none(
    "A file in the checkout; write it to $RUNNER_TEMP",
    files.filter(({ file }) => !/^(?:\$RUNNER_TEMP\/|\$GITHUB_(?:ENV|OUTPUT)$|&\d|dist\/)/.test(file))
      .map(({ name, file }) => `${name}: ${file}`),
  );
});

Deno.test("the repository has one name: that of deno.json", () => {
  const [owner] = REPOSITORY.split("/");
  const own = new RegExp(`(?:github\\.com|ghcr\\.io)/${owner}\\b`, "i");
  // tests/install/monitoring_live_test.ts compares the addresses of runbooks with deno.json
  const mayName = new RegExp(
    `^(?:${
      [
        "deno\\.json|README\\.md|CHANGELOG\\.md|docs/.*|\\.github/(?:CODEOWNERS|ISSUE_TEMPLATE/config\\.yml)",
        "install/(?:chart/files/alerts|overlays/monitoring/monitors)\\.yaml",
      ].join("|")
    })$`,
  );
  none(
    "A file names the repository; derive it from install/repository.ts, or from the context of the workflow",
    FILES.filter(({ path, text }) => !mayName.test(path) && own.test(text)).map(({ path }) => path),
  );
  const known = [
    REPOSITORY_URL,
    "https://github.com/k8snetworkplumbingwg/whereabouts",
    "https://github.com/telekom/whereabouts",
  ];
  none(
    "A document names another repository as this one",
    FILES.filter(({ path }) => mayName.test(path)).flatMap(({ path, text }) =>
      [...text.matchAll(/https:\/\/github\.com\/[\w.-]+\/whereabouts\b/g)].map(([url]) => url)
        .filter((url) => !known.includes(url)).map((url) => `${path}: ${url}`)
    ),
  );
  assert.match(textOf(".github/CODEOWNERS"), new RegExp(`^\\* @${owner}/`));
  assert.ok(textOf(".github/ISSUE_TEMPLATE/config.yml").includes(`${REPOSITORY_URL}/security/advisories/new`));
  assert.ok(textOf("docs/SECURITY.md").includes(`${REPOSITORY_URL}/security/advisories/new`));
});

Deno.test("the changelog has the form of Keep a Changelog, and a section of this version", () => {
  const text = textOf("CHANGELOG.md");
  const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading = ""]) => heading);
  assert.equal(headings[0], "[Unreleased]");
  for (const heading of headings.slice(1)) assert.match(heading, /^\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}$/);
  const versions = headings.map((heading) => /^\[(.*?)\]/.exec(heading)?.[1] ?? "");
  assert.equal(versions[1], VERSION);
  for (const [i, version] of versions.entries()) {
    const before = versions[i + 1];
    const range = `${before ? `v${before}...` : ""}${version === "Unreleased" ? "HEAD" : `v${version}`}`;
    const url = before ? `${REPOSITORY_URL}/compare/${range}` : `${REPOSITORY_URL}/releases/tag/${range}`;
    assert.ok(text.includes(`\n[${version}]: ${url}\n`), `CHANGELOG.md lacks "[${version}]: ${url}" at its end`);
  }
  const kinds = [...text.matchAll(/^### (.*)$/gm)].map(([, kind = ""]) => kind);
  none(
    "A heading that Keep a Changelog does not know",
    kinds.filter((kind) => !["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"].includes(kind)),
  );
});

Deno.test("templates of issues have the fields that GitHub requires", () => {
  const templates = FILES.filter(({ path }) => /^\.github\/ISSUE_TEMPLATE\/(?!config)/.test(path));
  saw("templates", templates.length, 2);
  for (const { path, text } of templates) {
    const { name, description, body } = parse(text);
    assert.ok(name && description && body.length > 0, path);
    const ids = body.map(({ id }: { readonly id: string }) => id);
    assert.equal(new Set(ids).size, ids.length, path);
    for (const { type, attributes } of body) assert.ok(["textarea", "input"].includes(type) && attributes.label, path);
  }
});
