/**
 * House rules: who may import whom, and what a call of the plugin loads.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Import } from "./support/source.ts";
import { at, CODE, folderOf, none, packageOf, PATHS, PRODUCT, saw } from "./support/tidy.ts";

const BY_PATH = new Map(CODE.map((file) => [file.path, file]));
const PATHS_OF_PRODUCT = new Set(PRODUCT.map(({ path }) => path));
const CONFIG = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url)));

const RENOVATE = JSON.parse(Deno.readTextFileSync(new URL("../.github/renovate.json", import.meta.url))) as {
  readonly customManagers: readonly { readonly managerFilePatterns: string[]; readonly matchStrings: string[] }[];
};

const BASE = ["src/async", "src/values", "src/world"];
const CORE = ["src/address", "src/pool"];
const BELOW_IPAM = [...BASE, ...CORE, "src/config", "src/storage"];
const BELOW_CNI = [...BELOW_IPAM, "src/ipam", "src/journal"];
const DRIVER = [...BASE, ...CORE, "src/storage"];
const REMOTE = [...DRIVER, "drivers/net"];

/** Folder to the folders it may import. Its own is always allowed, and so is `src/version.ts`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "src": [],
  "src/async": [],
  "src/metrics": ["src/world"],
  "src/values": [],
  "src/world": ["src/async", "src/values"],
  "src/address": [],
  "src/pool": ["src/address"],
  "src/config": [...BASE, ...CORE],
  "src/storage": [...BASE, ...CORE],
  "src/ipam": BELOW_IPAM,
  "src/journal": BELOW_CNI,
  "src/call": BASE,
  "src/cni": [...BELOW_CNI, "src/call"],
  "src/cni/verbs": [...BELOW_CNI, "src/cni"],
  "src/agent": [...BELOW_CNI, "src/call", "src/cni", "src/metrics"],
  "src/controllers": [...BELOW_CNI, "src/metrics"],
  "src/install": ["src/config", "src/values", "src/world"],
  "src/lint": [...BELOW_IPAM, "src/controllers"],
  "src/status": [...BELOW_IPAM, "src/controllers"],
  "src/sysdump": [...BELOW_IPAM, "src/controllers"],
  "src/ui": [...BELOW_IPAM, "src/ipam", "src/controllers"],
  "src/cli": [
    ...BELOW_CNI,
    ...[
      "src/call",
      "src/cni",
      "src/agent",
      "src/controllers",
      "src/install",
      "src/lint",
      "src/metrics",
      "src/status",
      "src/sysdump",
      "src/ui",
    ],
  ],
  "drivers": [
    "drivers/embedded",
    "drivers/etcd",
    "drivers/kubernetes",
    "src/config",
    "src/storage",
    "src/ipam",
    "src/controllers",
    "src/world",
    "src/lint",
    "src/cli",
  ],
  "drivers/embedded": DRIVER,
  "drivers/etcd": REMOTE,
  "drivers/kubernetes": REMOTE,
  "drivers/net": ["src/address"],
};

/** Single files that may be imported from beyond the table, for their types alone unless it says more. */
const PORTS: Readonly<Record<string, { readonly from: RegExp; readonly why: string; readonly values?: true }>> = {
  "src/config/types.ts": { from: /^(src\/storage|drivers)/, why: "a datastore's settings are what opens a driver" },
  "src/controllers/cluster.ts": {
    from: /^drivers/,
    why: "the port that its cluster stands behind",
    values: true,
  },
  "src/controllers/installation.ts": { from: /^drivers/, why: "what a cluster reports about our programs" },
  "src/controllers/raw_objects.ts": { from: /^drivers/, why: "what a report reads of a cluster" },
  "src/install/preflight.ts": { from: /^drivers/, why: "what is found out about an API server" },
  "src/cni/verbs": { from: /^src\/cni$/, why: "the verb table loads its rows" },
};

function mayImport(from: string, { path = "", kind }: Import): boolean {
  const [folder, target] = [folderOf(from), folderOf(path)];
  if (folder === target || path === "src/version.ts" || path === "src/paths.ts") return true;
  const port = PORTS[path] ?? PORTS[target];
  if (port?.from.test(folder) && (kind === "type" || port.values || target === "src/cni/verbs")) return true;
  return MAY_IMPORT[folder]?.includes(target) ?? false;
}

Deno.test("tidy: imports go in one direction, from the outside in", () => {
  const files = PRODUCT.filter(({ path }) => path.includes("/"));
  saw("product files", files.length, 60);
  saw("imports", files.flatMap(({ imports }) => imports).length, 250);
  const folders = new Set(files.map(({ path }) => folderOf(path)));
  none("A folder without a row in MAY_IMPORT; add one", [...folders].filter((folder) => !(folder in MAY_IMPORT)));
  none(
    "An import against the table; move the code, or hand the value in",
    files.flatMap((file) =>
      file.imports.filter((one) => one.path && !mayImport(file.path, one)).map((one) =>
        at(file, { what: `imports ${one.path} (${one.kind})`, line: one.line })
      )
    ),
  );
});

Deno.test("tidy: what is imported is there, and no import is computed: the bundler must see it", () => {
  const all = CODE.flatMap((file) => file.imports.map((one) => [file, one] as const));
  none(
    "An import of nothing",
    all.filter(([, { path }]) => path !== undefined && !PATHS.has(path)).map(([file, one]) =>
      at(file, { what: one.specifier, line: one.line })
    ),
  );
  // `install/trim.ts` works on what the bundler has made
  const isBundled = (path: string) => !path.startsWith("tests/") && path !== "install/trim.ts";
  none(
    "A computed import; write the path as a literal",
    all.filter(([{ path }, { specifier }]) => specifier === "(computed)" && isBundled(path)).map((
      [file, one],
    ) => at(file, { what: "import(…)", line: one.line })),
  );
});

/** Package to who may import it. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  "ipaddr.js": /^src\/address\/ip\.ts$/,
  "etcd3": /^drivers\/etcd\/|^tests\//,
  "cockatiel": /^drivers\/etcd\//,
  "yaml": /^(drivers\/kubernetes\/yaml\.ts|tests\/|install\/|e2e\/)/,
  "@kubernetes/client-node": /^drivers\/kubernetes\/facts\.ts$|^tests\//,
  "croner": /^src\/controllers\/schedule\.ts$/,
  "fast-check": /^tests\//,
  "preact": /^page\//,
  "playwright-core": /^tests\//,
  "axe-core": /^tests\//,
  "ajv": /^tests\/support\/schemas\.ts$/,
};

Deno.test("tidy: each package has its few importers; the machine is reached through World", () => {
  const packages = CODE.flatMap((file) =>
    file.imports.filter(({ path }) => path === undefined).map((one) => [file, one] as const)
  )
    .filter(([, { specifier }]) => specifier !== "(computed)")
    .map(([file, one]) => [file, { ...one, specifier: packageOf(one.specifier) }] as const);
  saw("imports of packages", packages.length, 40);
  for (const name of Object.keys(PACKAGES)) {
    saw(
      `imports of ${name}`,
      packages.filter(([, { specifier }]) => specifier === name || specifier.startsWith(`${name}/`)).length,
      1,
    );
  }
  const allowed = (path: string, specifier: string) => {
    if (specifier.startsWith("node:")) {
      return !path.startsWith("src/") || specifier === "node:util" || path.startsWith("src/world/deno");
    }
    const name = Object.keys(PACKAGES).find((name) => specifier === name || specifier.startsWith(`${name}/`));
    return name !== undefined && PACKAGES[name]?.test(path) === true;
  };
  none(
    "A package imported where PACKAGES does not say; use what wraps it",
    packages.filter(([{ path }, { specifier }]) => !allowed(path, specifier)).map(([file, one]) =>
      at(file, { what: one.specifier, line: one.line })
    ),
  );
});

Deno.test("tidy: the product names each package with npm: and the version of deno.json, since users have no import map of ours", () => {
  const imports: Readonly<Record<string, string>> = CONFIG.imports;
  const packages = PRODUCT.flatMap((file) => file.imports.map((one) => [file, one] as const))
    .filter(([, { path, specifier }]) => path === undefined && !/^node:|^\(computed\)$/.test(specifier));
  saw("imports of packages in the product", packages.length, 6);
  none(
    "A package without the npm: specifier that deno.json has for it; copy it from there",
    packages.filter(([, { specifier }]) => specifier !== imports[packageOf(specifier)]).map(([file, one]) =>
      at(file, { what: one.specifier, line: one.line })
    ),
  );
  const managed = RENOVATE.customManagers.flatMap(({ managerFilePatterns, matchStrings }) =>
    matchStrings.map((pattern) => ({ pattern, files: managerFilePatterns.map((one) => new RegExp(one.slice(1, -1))) }))
  );
  none(
    "A package that no manager of .github/renovate.json updates together with deno.json",
    packages.filter(([{ path }, { specifier }]) =>
      !managed.some(({ pattern, files }) =>
        files.some((one) => one.test(path)) && new RegExp(`^${pattern}$`).test(`"${specifier}"`)
      )
    ).map(([file, one]) => at(file, { what: one.specifier, line: one.line })),
  );
  none(
    "A package by its npm: specifier outside of the product; write its name",
    CODE.filter(({ path }) => !PATHS_OF_PRODUCT.has(path)).flatMap((file) =>
      file.imports.filter(({ specifier }) => specifier.startsWith("npm:")).map((one) =>
        at(file, { what: one.specifier, line: one.line })
      )
    ),
  );
});

/** Everything that loading a file loads: static imports, types left out. */
function loadedBy(entry: string): { files: Set<string>; packages: Set<string> } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string) => {
    if (files.has(path)) return;
    files.add(path);
    for (const one of BY_PATH.get(path)?.imports ?? []) {
      if (one.kind !== "static") continue;
      if (one.path) visit(one.path);
      else packages.add(packageOf(one.specifier));
    }
  };
  visit(entry);
  return { files, packages };
}

/** Packages that every part may load: what reads and writes addresses. */
const EVERYWHERE = ["ipaddr.js"];

/** What a call of the plugin loads at most, and the packages that each part may bring. */
const CNI_PATH: Readonly<Record<string, readonly string[]>> = {
  "main.ts": [],
  "drivers/mod.ts": [],
  "drivers/embedded/driver.ts": ["node:path", "node:sqlite"],
  "drivers/kubernetes/driver.ts": ["node:https", "node:buffer"],
  "drivers/etcd/driver.ts": ["node:buffer", "node:module", "node:net", "node:url", "cockatiel", "etcd3"],
};

Deno.test("tidy: a call of the plugin loads next to nothing", () => {
  const verbs = CODE.filter(({ path }) => path.startsWith("src/cni/")).map(({ path }) => path);
  saw("files of src/cni", verbs.length, 8);
  const entries: typeof CNI_PATH = { ...CNI_PATH, ...Object.fromEntries(verbs.map((path) => [path, []])) };
  const findings: string[] = [];
  for (const [entry, allowed] of Object.entries(entries)) {
    const { files, packages } = loadedBy(entry);
    if (!BY_PATH.has(entry)) findings.push(`${entry} is missing: CNI_PATH is out of date`);
    for (const name of packages) {
      if (![...EVERYWHERE, ...allowed].includes(name)) findings.push(`${entry} loads ${name}`);
    }
    for (const path of files) {
      if (path.startsWith("src/agent/") && entry === "main.ts") continue; // asking the agent comes before everything
      if (/^src\/(cli|agent|controllers)\//.test(path)) findings.push(`${entry} loads ${path}`);
    }
  }
  none("Too much is loaded; import it where it is used, with import()", findings);
  const { files } = loadedBy("main.ts");
  saw("files loaded by main.ts", files.size, 3);
  assert(files.size <= 16, `main.ts loads ${files.size} files before it knows what to do: ${[...files].join(", ")}`);
  saw("files loaded by the kubernetes driver", loadedBy("drivers/kubernetes/driver.ts").files.size, 8);
});

Deno.test("tidy: importing the library loads no client library", () => {
  const { files, packages } = loadedBy("mod.ts");
  saw("files loaded by mod.ts", files.size, 20);
  assert.deepEqual([...packages], EVERYWHERE);
  none("mod.ts loads a driver; load it lazily", [...files].filter((path) => /^drivers\/[^/]+\//.test(path)));
});

/** Files that load others of the project later, which others, and why. What begins with a package may be loaded later everywhere. */
const LATER: Readonly<Record<string, { readonly to: RegExp; readonly why: string }>> = {
  "main.ts": {
    to: /^(src\/cni\/plugin|src\/cli\/process|drivers\/(mod|cluster))\.ts$/,
    why: "what an agent serves needs no plugin here, a call needs no command line, and each process one driver at most",
  },
  "src/cli/command.ts": {
    to: /^src\/cli\/[a-z_]+\.ts$/,
    why: "one command a process; agent and controller are commands",
  },
  "drivers/mod.ts": { to: /^drivers\/[a-z]+\/driver\.ts$/, why: "the choice of a driver" },
  "drivers/cluster.ts": {
    to: /^(drivers\/kubernetes\/(cluster|inspect)|src\/controllers\/pods_source)\.ts$/,
    why: "few commands need a cluster: the controller, and those that read pods",
  },
  "src/cli/read_pools.ts": {
    to: /^src\/ipam\/inspect\.ts$/,
    why: "only maps search for leaks, which loads the sweep: without it, show starts as fast as before",
  },
};

/** Whether a file begins with a package or a module of Node that its importer does not load itself. */
function beginsWithPackage(path: string, importer: string): boolean {
  const own = loadedBy(importer).packages;
  return [...loadedBy(path).packages].some((name) => !own.has(name) && !EVERYWHERE.includes(name));
}

Deno.test("tidy: only what begins with a package, a driver, a command, the controller or the agent is loaded later", () => {
  const later = PRODUCT.flatMap((file) => file.imports.map((one) => [file, one] as const))
    .filter(([, { kind, path }]) => kind === "dynamic" && path !== undefined);
  saw("files that are loaded later", later.length, 15);
  none(
    "A file that is loaded later for no reason in LATER: a chunk costs as much as it saves; import it statically",
    later.filter(([{ path }, { path: target = "" }]) =>
      LATER[path]?.to.test(target) !== true && !beginsWithPackage(target, path)
    ).map(([file, one]) => at(file, { what: `import("${one.path}")`, line: one.line })),
  );
  none(
    "A row of LATER that no import needs; remove it",
    Object.entries(LATER).filter(([from, { to }]) =>
      !later.some(([{ path }, { path: target = "" }]) => path === from && to.test(target))
    ).map(([from]) => from),
  );
});

/** Circles of files: each with the files that it leads back to itself through, whatever is imported, and whenever. */
function circles(): string[][] {
  const reached = new Map(PRODUCT.map(({ path }) => [path, reachedFrom(path)]));
  const leads = (from: string, to: string) => reached.get(from)?.has(to) === true;
  const inCircle = PRODUCT.map(({ path }) => path).filter((path) => leads(path, path));
  const groups = Map.groupBy(
    inCircle,
    (path) => inCircle.filter((other) => leads(path, other) && leads(other, path)).join(),
  );
  return [...groups.values()];
}

/** Every file that a file leads to. */
function reachedFrom(start: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const visit = (path: string) => {
    for (const one of BY_PATH.get(path)?.imports ?? []) {
      if (one.path === undefined || reached.has(one.path)) continue;
      reached.add(one.path);
      visit(one.path);
    }
  };
  visit(start);
  return reached;
}

Deno.test("tidy: no file imports itself in a circle, types and what is loaded later included", () => {
  saw("files", PRODUCT.length, 200);
  none("Files that import each other; move what both need to a third", circles().map((one) => one.join(", ")));
});

Deno.test("tidy: every file of the product is used by an entry", () => {
  const used = new Set<string>();
  const visit = (path: string) => {
    if (used.has(path)) return;
    used.add(path);
    for (const one of BY_PATH.get(path)?.imports ?? []) if (one.path) visit(one.path);
  };
  for (const entry of ["main.ts", ...Object.values<string>(CONFIG.exports)]) visit(entry.replace("./", ""));
  for (const { path } of CODE) if (path.startsWith("install/")) visit(path);
  visit("src/config/docs.ts"); // makes the table of docs/CONFIGURATION.md; tests/config/docs_test.ts compares the two
  none(
    "A file that nothing uses; use it or delete it",
    PRODUCT.map(({ path }) => path).filter((path) => !used.has(path)),
  );
});

Deno.test("tidy: every export is used by another file", () => {
  const words = CODE.map(({ path, text }) => ({ path, words: new Set(text.match(/\w+/g)) }));
  const users = new Map<string, string[]>();
  for (const { path, words: some } of words) for (const word of some) users.set(word, [...users.get(word) ?? [], path]);
  const entries = new Set(Object.values<string>(CONFIG.exports).map((entry) => entry.replace("./", "")));
  const exported = CODE.filter(({ path }) => !path.startsWith("tests/") && !entries.has(path)).flatMap((file) =>
    [...file.text.matchAll(/^export (?:abstract |async )?(?:class|const|function\*?|interface|type) (\w+)/gm)]
      .map(([, name = ""]) => ({ file, name }))
  );
  saw("exports", exported.length, 800);
  none(
    "An export that only its own file uses; remove `export`, or the whole declaration if nothing uses it",
    exported.filter(({ file, name }) => users.get(name)?.every((path) => path === file.path))
      .map(({ file, name }) => `${file.path}: ${name}`),
  );
});
