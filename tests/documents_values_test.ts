import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { DEFAULT_SOCKET, SOCKET_VARIABLE } from "../src/agent/protocol.ts";
import { EXITS } from "../src/cli/check_report.ts";
import { FLAT_FILES } from "../src/config/files.ts";
import { ALLOW_VARIABLE } from "../src/config/trust.ts";
import { readSettings } from "../src/install/settings.ts";
import { DEFAULT_JOURNAL } from "../src/journal/journal.ts";
import { textOf } from "./documents.ts";

/** A document as one line, so that a phrase is found wherever its lines break. */
function proseOf(document: string): string {
  return textOf(document).replace(/\s+/g, " ");
}

/** The rows of tables of a document, as cells without backticks. */
function rowsOf(document: string): string[][] {
  return [...textOf(document).matchAll(/^\|(.+)\|$/gm)].map(([, row = ""]) =>
    row.split("|").map((cell) => cell.trim().replaceAll("`", ""))
  );
}

/** Phrases with a number, and the line of the source that has the number. */
const NUMBERS: readonly (readonly [document: string, phrase: string, source: string, line: string])[] = [
  ["docs/LIMITS.md", "have 64 ranges", "src/config/resolve.ts", "MAX_RANGES = 64;"],
  ["docs/LIMITS.md", "10,000 excludes", "src/config/document.ts", "MAX_STRINGS = 10_000;"],
  // a store may use as many places as it leaves free
  ["docs/LIMITS.md", "| 2,000; further calls get code 11", "src/agent/stores.ts", "MAX_CALLS = 4_000;"],
  ["docs/LIMITS.md", "| up to 1,024;", "src/pool/slice_assignment.ts", "MAX_LISTED_BITS = 10;"],
  [
    "docs/TROUBLESHOOTING.md",
    "up to 4,096 of them, of 16 KiB each",
    "src/journal/journal.ts",
    "{ count: 4_096, length: 16_384 }",
  ],
  [
    "docs/TROUBLESHOOTING.md",
    "every second to every thirty seconds",
    "src/agent/pending_releases.ts",
    "{ first: 1_000, max: 30_000 }",
  ],
  ["docs/OPERATIONS.md", "at most 1 MiB for a kubeconfig", "src/world/world.ts", "kubeconfig: 1024 * 1024,"],
  ["docs/OPERATIONS.md", "4 MiB for others", "src/world/world.ts", "configuration: 4 * 1024 * 1024,"],
  ["docs/OPERATIONS.md", "read within 5 seconds", "src/world/deno_files.ts", "READ_TIMEOUT = 5_000;"],
  ["docs/OPERATIONS.md", "(`spec.reuse`), at most 1,000,", "src/pool/reuse.ts", "MAX_RESTS = 1_000;"],
  ["docs/SECURITY.md", "standard input (4 MiB)", "src/call/call.ts", "INPUT_LIMIT = 4 * 1024 * 1024;"],
  ["docs/OPERATIONS.md", "127.0.0.1:9478 HTTP", "install/manifests/daemonset.yaml", '"127.0.0.1:9478"'],
  ["docs/OPERATIONS.md", "port 9479 of the pod", "install/manifests/controller.yaml", "$(POD_IP):9479"],
  ["README.md", "API servers check since 1.25.", "install/chart/Chart.yaml", ">=1.25.0-0"],
  ["README.md", "With Node.js 20 or newer", ".ci/run", "Node.js 20 or newer"],
  ["docs/MIGRATION.md", "controller sweeps every 5 minutes", "install/manifests/configmap.yaml", '"*/5 * * * *"'],
];

for (const [document, phrase, source, line] of NUMBERS) {
  Deno.test(`documents: ${document} has the number of ${source}: ${phrase}`, () => {
    assert(proseOf(document).includes(phrase), `${document} has no ${phrase}`);
    assert(textOf(source).includes(line), `${source} has no ${line}`);
  });
}

Deno.test("documents: INSTALL has the defaults of the installer", () => {
  const defaults = readSettings(() => undefined, {});
  const expected: Readonly<Record<string, string>> = {
    CNI_BIN_DIR: defaults.binFolder,
    CNI_CONF_DIR: defaults.confFolder,
    KUBECONFIG_MODE: defaults.mode.toString(8),
    SKIP_TLS_VERIFY: String(defaults.skipTlsVerify),
    WHEREABOUTS_RECONCILER_CRON: `${defaults.cron}; manifests: every 5 minutes`,
    WHEREABOUTS_FLAT_FILE: defaults.flatFile,
  };
  const rows = new Map(
    rowsOf("docs/INSTALL.md").map(([setting = "", fallback = ""]) => [setting.split(",")[0], fallback]),
  );
  for (const [name, value] of Object.entries(expected)) assert.equal(rows.get(name), value, name);
  for (const name of rows.keys()) {
    if (/^[A-Z_]{5,}$/.test(name ?? "")) assert(textOf("src/install/settings.ts").includes(`"${name}"`), name);
  }
});

Deno.test("documents: CONFIGURATION has the searched folders, and the variables of plugin and agent", () => {
  const text = textOf("docs/CONFIGURATION.md");
  for (const path of FLAT_FILES.slice(0, 3)) {
    assert(text.includes(`\`${path.replace("/whereabouts.d/whereabouts.conf", "")}\``), path);
  }
  const rows = new Map(rowsOf("docs/CONFIGURATION.md").map(([name, fallback]) => [name, fallback]));
  assert.deepEqual([SOCKET_VARIABLE, "WHEREABOUTS_JOURNAL", ALLOW_VARIABLE].map((name) => rows.get(name)), [
    DEFAULT_SOCKET,
    DEFAULT_JOURNAL,
    "",
  ]);
});

Deno.test("documents: OPERATIONS has the exit codes of check, and the objects of the manifests", () => {
  const codes = rowsOf("docs/OPERATIONS.md").map(([code]) => Number(code)).filter((code) => !Number.isNaN(code));
  assert.deepEqual(codes, [0, 1, ...Object.values(EXITS).toSorted()]);
  const files = ["daemonset", "controller", "reconciler"].map((name) => textOf(`install/manifests/${name}.yaml`));
  const objects = files.flatMap((text) => parseAllDocuments(text).map((one) => one.toJS()));
  const named = rowsOf("docs/OPERATIONS.md").map(([process = ""]) => process);
  for (
    const { kind, metadata: { name } } of objects.filter(({ kind }) => /^(DaemonSet|Deployment|CronJob)$/.test(kind))
  ) {
    assert(named.some((process) => process.startsWith(`${kind} ${name}`)), `${kind} ${name}`);
  }
});
