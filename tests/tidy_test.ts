/**
 * House rules: sizes, tests, words, documents. Each says what to do instead, and each first makes sure that it saw something.
 *
 * @module
 */
import assert from "node:assert/strict";
import { VERSION } from "../src/version.ts";
import { at, CODE, FILES, folderOf, none, packageOf, PATHS, PRODUCT, saw } from "./support/tidy.ts";
import { WORDS } from "./support/words.ts";

const CONFIG = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url)));
const TESTS = CODE.filter(({ path }) => /^(tests|e2e)\//.test(path));

// --- Sizes ---

Deno.test("tidy: files fit in a head, functions on a screen", () => {
  saw("TypeScript files", CODE.length, 120);
  saw("functions", CODE.flatMap(({ functions }) => functions).length, 1_500);
  const most = (path: string) => path.startsWith("tests/") ? 400 : 300;
  none(
    "A file over its limit (300 lines; 400 in tests); split it by concept",
    CODE.filter(({ path, lines }) => lines > most(path)).map(({ path, lines }) => `${path}: ${lines}`),
  );
  none(
    "A function over 70 lines; branch in the parent, work in the leaves",
    CODE.flatMap((file) =>
      file.functions.filter(({ length }) => length > 70).map((one) => `${at(file, one)}: ${one.length}`)
    ),
  );
  none(
    "A line over 145 characters; deno fmt leaves long comments and strings to you",
    CODE.flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, i) => [...line].length > 145 ? [`${path}:${i + 1}`] : [])
    ),
  );
});

// --- Tests ---

/** Files with logic that another file's tests hold, and where. */
const HELD_ELSEWHERE: Readonly<Record<string, string>> = {
  "drivers/embedded/reservations.ts": "the contract suite runs it: tests/drivers/embedded/driver_test.ts",
  "drivers/embedded/reuse.ts": "the contract suite runs it: tests/drivers/embedded/driver_test.ts",
  "drivers/embedded/file.ts": "what is made, closed and not opened: tests/drivers/embedded/driver_test.ts",
  "drivers/embedded/first_page.ts": "every kind of file: tests/drivers/embedded/foreign_test.ts",
  "drivers/embedded/schema.ts": "older, newer, corrupt and busy files: tests/drivers/embedded/driver_test.ts",
  "drivers/etcd/mutex.ts":
    "an older plugin that holds on, and one that died: tests/drivers/etcd/migration_live_test.ts",
  "drivers/etcd/unreadable.ts": "with the records it names: tests/drivers/etcd/migration_live_test.ts",
  "drivers/etcd/session.ts": "every etcd test calls through it: tests/drivers/etcd/driver_live_test.ts",
  "drivers/etcd/library.ts": "loaded by every etcd test, and from the bundle by tests/binary",
  "drivers/kubernetes/unreadable.ts": "on a real API server: tests/cli/check_live_test.ts",
  "drivers/command.ts": "with the script of the reconciler: tests/install/reconcile_live_test.ts",
  "drivers/cluster.ts": "with the script on a real API server: tests/install/reconcile_live_test.ts",
  "drivers/mod.ts": "opens every store of tests/cli/command_test.ts",
  "src/pool/finding.ts": "its texts, in findings: tests/pool/findings_test.ts",
  "src/agent/agent.ts": "the binary's agent on a real socket: tests/binary/agent_live_test.ts",
  "src/world/deno_terminal.ts":
    "the binary called by another name, and at a terminal: tests/binary/commands_live_test.ts",
  "src/world/deno_agent.ts": "sockets and signals of the binary: tests/binary/agent_live_test.ts",
  "src/world/deno_page.ts": "the page of a checkout, and that beside the program: tests/cli/ui_live_test.ts",
  "drivers/kubernetes/workloads.ts": "tests/cni/keeper_live_test.ts",
  "src/cni/context.ts": "every verb goes through it: tests/cni/plugin_test.ts",
  "src/cni/host.ts": "every verb runs in one: tests/cni/plugin_test.ts",
  "src/cni/verbs/status.ts": "tests/cni/plugin_test.ts",
  "src/cli/agent.ts": "tests/binary/agent_live_test.ts",
  "drivers/embedded/owner.ts": "tests/drivers/embedded/driver_test.ts",
  "drivers/kubernetes/request.ts": "every request goes through it: tests/drivers/kubernetes/api_server_live_test.ts",
  "drivers/kubernetes/transport.ts": "both ways with it: tests/drivers/kubernetes/connect_live_test.ts",
  "src/config/requested.ts": "tests/config/extras_test.ts",
  "src/cli/demo.ts": "tests/cli/command_test.ts",
  "src/cli/pods_flag.ts": "tests/cli/reconcile_test.ts",
  "src/ipam/errors.ts": "what claims are refused with: tests/ipam/allocate_test.ts",
  "src/journal/release.ts": "DEL, GC and pending releases: tests/cni/verbs/del_test.ts, tests/journal/pending_test.ts",
  "src/cli/release_targets.ts": "what release chooses: tests/cli/release_test.ts",
  "src/cli/plan_networks.ts": "tests/cli/plan_live_test.ts",
  "src/world/deno_screen.ts": "at a terminal: tests/cli/top_live_test.ts",
  "src/sysdump/collect.ts": "on a real API server: tests/cli/sysdump_live_test.ts",
  "drivers/kubernetes/raw_objects.ts": "with a kubelet that serves logs: tests/cli/sysdump_live_test.ts",
  "src/cli/process.ts": "the binary's command line: tests/binary/commands_live_test.ts",
  "src/cli/version.ts": "tests/cli/command_test.ts",
  "src/cli/who_has.ts": "tests/cli/command_test.ts",
  "src/cli/read_pools.ts": "what names and filters select: tests/cli/show_test.ts",
  "src/cli/reading.ts": "one namespace, another one, all of them: tests/cli/empty_live_test.ts",
  "src/cli/pool_view.ts": "the tables of show: tests/cli/show_test.ts",
};

Deno.test("tidy: a test file stands beside the path of every source file with logic", () => {
  const withLogic = PRODUCT.filter(({ path, functions }) => path.includes("/") && functions.length > 0);
  saw("files with logic", withLogic.length, 50);
  none(
    "HELD_ELSEWHERE names a file that is missing, or has its own tests",
    Object.keys(HELD_ELSEWHERE).filter((path) => !PATHS.has(path) || hasTests(path)),
  );
  none(
    "A source file without tests at its path; src/pool/assign.ts has tests/pool/assign_test.ts",
    withLogic.map(({ path }) => path).filter((path) => !hasTests(path) && !(path in HELD_ELSEWHERE)),
  );
});

function hasTests(path: string): boolean {
  const base = `tests/${path.replace(/^src\//, "").replace(/\.ts$/, "")}`;
  return PATHS.has(`${base}_test.ts`) || PATHS.has(`${base}_live_test.ts`);
}

Deno.test("tidy: every test file mirrors something", () => {
  const mirrored = TESTS.map(({ path }) => path).filter((path) =>
    path.endsWith("_test.ts") &&
    /^tests\/(address|async|metrics|values|pool|config|storage|ipam|journal|call|cni|agent|controllers|cli|world|drivers)\//
      .test(path)
  );
  saw("test files", mirrored.length, 25);
  const folders = new Set(PRODUCT.map(({ path }) => folderOf(path)));
  none(
    "A test file in a folder that mirrors none of src/ or drivers/",
    mirrored.filter((path) => {
      const folder = folderOf(path).replace("tests/", "");
      return !folders.has(folder) && !folders.has(`src/${folder}`);
    }),
  );
});

Deno.test("tidy: no test is left out", () => {
  saw("files of tests", TESTS.length, 40);
  none(
    "A test that would not run; a missing part fails with the command that installs it",
    TESTS.flatMap((file) => file.testFilters.map((one) => at(file, one))),
  );
});

// --- Words ---

Deno.test("tidy: only main.ts, the real World, the drivers and what is around the product say Deno", () => {
  const mayTouch = /^(main\.ts$|src\/world\/deno|drivers\/)/;
  saw("uses of Deno", PRODUCT.flatMap(({ globals }) => globals).length, 10);
  none(
    "The machine is reached through World; add a member to src/world/world.ts",
    PRODUCT.filter(({ path }) => !mayTouch.test(path)).flatMap((file) => file.globals.map((one) => at(file, one))),
  );
  none(
    "console writes where the CNI answer goes; use the Logger, or World.stderr",
    PRODUCT.flatMap((file) =>
      file.globals.filter(({ what }) => what.startsWith("console")).map((one) => at(file, one))
    ),
  );
});

/** Who may read the clock that somebody can set, and for what. */
const WALL_CLOCK: Readonly<Record<string, string>> = {
  "src/cli/migrate_blocks.ts": "the Lease of the original has the time of its renewal",
  "src/world/deno.ts": "World.now itself",
  "src/world/log.ts": "printed",
  "src/journal/journal.ts": "stored: when a release became pending, which processes that come later compare",
  "src/journal/pending.ts": "compared with what the journal stores",
  "src/config/node_local.ts": "stored in a mark",
  "src/journal/history.ts": "stored: when an address was allocated or released",
  "src/cli/history.ts": "compared with what the history stores",
  "src/storage/update.ts": "stored with a released address, which other nodes compare",
  "src/cli/status.ts": "compared with the renewal of a Lease",
  "src/cli/plan.ts": "a forecast is a date",
  "src/cli/top.ts": "the time of day of each frame and change",
  "src/cli/check_report.ts": "the age of what the API server dated",
  "src/cli/read_pools.ts": "compared with when an address was released",
  "src/cli/sysdump.ts": "the name of the archive",
  "src/ui/reader.ts": "compared with when an address was released, and printed",
  "src/controllers/sweeper.ts": "a cron expression names times of day",
  "src/controllers/controller.ts": "the metric of the last sweep",
  "drivers/kubernetes/events.ts": "stored in an event",
  "src/controllers/claim_statuses.ts": "stored in the status of an IPAMClaim",
  "src/controllers/pool_statuses.ts": "stored in the status of an IPPool",
  "drivers/kubernetes/lease.ts": "stored in a Lease",
  "drivers/kubernetes/exec.ts": "a credential says the time of day at which it expires",
  "drivers/etcd/connect.ts": "gRPC takes a deadline as a time of day, and makes a duration of it at once",
};

Deno.test("tidy: durations come from the clock that nobody can set", () => {
  const readers = PRODUCT.filter(({ path, text }) =>
    !/^tests|^e2e/.test(path) && /\b(?:[Ww]orld|clock|Date)\.now\b/.test(text)
  ).map(({ path }) => path);
  none(
    "World.now jumps when the clock is set; a duration or a deadline is taken from World.monotonic",
    readers.filter((path) => !(path in WALL_CLOCK)),
  );
  none(
    "WALL_CLOCK names a file that does not read it",
    Object.keys(WALL_CLOCK).filter((path) => !readers.includes(path)),
  );
});

const BANNED: readonly [pattern: RegExp, instead: string][] = [
  [/\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b/, "do it now, or say in an issue what is left"],
  [/@ts-(?:ignor[e]|expect-erro[r]|nochec[k])/, "give it its type"],
  [/deno-lint-ignor[e](?!.* -- )/, "say why after ` -- `"],
  [/\bjs[r]:|@st[d]\//, "use node: built-ins; JSR cannot be reached everywhere"],
];

/** The word lists themselves, the packages, and what other programs wrote. */
const OTHER_WORDS = /^tests\/(?:support\/words\.ts$|golden\/)|^docs\/CONTRIBUTING\.md$|^deno\.lock$/;

Deno.test("tidy: no banned words", () => {
  const findings = CODE.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, i) =>
      BANNED.filter(([pattern]) => pattern.test(line)).map(([, instead]) =>
        `${path}:${i + 1} ${line.trim()} — ${instead}`
      )
    )
  );
  none("Banned words", findings);
  none(
    "Loose types; `any` → `unknown` and a check, `x!` → a check or `?? `",
    CODE.flatMap((file) => file.looseTypes.map((one) => at(file, one))),
  );
});

Deno.test("tidy: code, messages and documents use the words of the house", () => {
  const findings = FILES.filter(({ path }) => /\.(?:ts|md|ya?ml|tpl|txt|json)$/.test(path) && !OTHER_WORDS.test(path))
    .flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, i) =>
        WORDS.filter(([pattern]) => pattern.test(line)).map(([, instead]) =>
          `${path}:${i + 1} ${line.trim()} — ${instead}`
        )
      )
    );
  none("Words of docs/CONTRIBUTING.md", findings);
});

Deno.test("tidy: error messages start with a capital and end without a period", () => {
  const texts = PRODUCT.flatMap((file) => file.errorTexts.map((one) => [file, one] as const));
  saw("messages of errors", texts.length, 60);
  const start = /^(?:…|[A-Z"]|[a-z]+[._[]|its? |etcd )/; // a field's path, the second half of a message, a proper name
  const good = (text: string) => start.test(text) && !/\.$/.test(text);
  none(
    "A message against the grammar: what cannot be done, the value found, the value expected",
    texts.filter(([, { what }]) => !good(what)).map(([file, one]) => at(file, one)),
  );
});

Deno.test("tidy: every source file opens with what it is for", () => {
  none(
    "A file without a @module comment at its top",
    PRODUCT.filter(({ text }) => !/^(?:\/\/ deno-lint[^\n]*\n)?\/\*\*(?:(?!\*\/)[\s\S])*@module/.test(text))
      .map(({ path }) => path),
  );
});

// --- Documents and deno.json ---

function anchors(markdown: string): Set<string> {
  const headings = [...markdown.matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-")),
  );
}

Deno.test("tidy: links and paths in documents lead somewhere", () => {
  const documents = FILES.filter(({ path }) => path.endsWith(".md"));
  saw("documents", documents.length, 3);
  const findings: string[] = [];
  let links = 0;
  for (const { path, text } of documents) {
    const prose = text.replace(/^```[\s\S]*?^```/gm, "");
    for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links++;
      const [file = "", anchor] = target.split("#");
      const found = file === "" ? path : new URL(file, `file:///${path}`).pathname.slice(1).replace(/\/$/, "");
      const isThere = PATHS.has(found) || [...PATHS].some((one) => one.startsWith(`${found}/`));
      if (!isThere) findings.push(`${path}: (${target})`);
      else if (anchor && !anchors(FILES.find((one) => one.path === found)?.text ?? "").has(anchor)) {
        findings.push(`${path}: (${target})`);
      }
    }
    for (const [, named = ""] of prose.matchAll(/`((?:src|drivers|tests|install|e2e|docs|\.ci)\/[\w./-]*)`/g)) {
      links++;
      const bare = named.replace(/\/$/, "");
      if (!PATHS.has(bare) && ![...PATHS].some((one) => one.startsWith(`${bare}/`))) {
        findings.push(`${path}: \`${named}\``);
      }
    }
  }
  saw("links and paths", links, 10);
  none("A document leads nowhere", findings);
});

Deno.test("tidy: deno.json says what is true", () => {
  assert.equal(VERSION, CONFIG.version, "src/version.ts and deno.json differ");
  const exported = Object.values<string>(CONFIG.exports);
  saw("exports", exported.length, 5);
  none("deno.json exports a missing file", exported.filter((path) => !PATHS.has(path.replace("./", ""))));
  const tasks = Object.entries<{ description?: string; command?: string }>(CONFIG.tasks);
  saw("tasks", tasks.length, 6);
  none(
    "A task without a description: `deno task` alone is the menu",
    tasks.filter(([, task]) => !task.description).map(([name]) => name),
  );
  none(
    "A task runs a missing file",
    tasks.flatMap(([name, { command = "" }]) =>
      [...command.matchAll(/[\w./-]+\.ts\b/g)].map(([path]) => path).filter((path) => !PATHS.has(path)).map((path) =>
        `${name}: ${path}`
      )
    ),
  );
  const imported = new Set(CODE.flatMap(({ imports }) => imports.map(({ specifier }) => packageOf(specifier))));
  const isImported = (name: string) => [...imported].some((one) => one === name || one.startsWith(`${name}/`));
  none("A package in deno.json that nobody imports", Object.keys(CONFIG.imports).filter((name) => !isImported(name)));
});
