/**
 * The library as its users have it: the files of the package in a folder of their own, without our deno.json.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { EtcdServer } from "../support/etcd.ts";
import { makeKube } from "../support/kube.ts";
import { type Finished, run } from "../support/process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const { name: NAME, exports: EXPORTS } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as {
  readonly name: string;
  readonly exports: Readonly<Record<string, string>>;
};

/** A user's project, beside a copy of the package. */
class Project implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  /** Copies the files that `deno publish` would upload, except deno.json, and maps the exports as `deno add` does. */
  static async create(): Promise<Project> {
    const folder = await Deno.makeTempDir({ prefix: "library-" });
    for (const path of await packageFiles()) {
      if (/^deno\.(json|lock)$/.test(path)) continue;
      await Deno.mkdir(dirname(`${folder}/package/${path}`), { recursive: true });
      await Deno.copyFile(`${ROOT}${path}`, `${folder}/package/${path}`);
    }
    await Deno.mkdir(`${folder}/app`);
    const imports = Object.entries(EXPORTS).map(([entry, path]) => [`${NAME}${entry.slice(1)}`, `../package/${path}`]);
    await Deno.writeTextFile(`${folder}/app/deno.json`, JSON.stringify({ imports: Object.fromEntries(imports) }));
    return new Project(folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  /** Runs `deno COMMAND main.ts ARGS` on a program. */
  async deno(
    command: readonly string[],
    program: string,
    args: readonly string[] = [],
    more: Record<string, string> = {},
  ): Promise<Finished> {
    const cwd = `${this.folder}/app`;
    await Deno.writeTextFile(`${cwd}/main.ts`, program);
    const env = { NO_COLOR: "1", ...more };
    return await run([Deno.execPath(), ...command, "main.ts", ...args], { cwd, env });
  }
}

/** The paths of the files that `deno publish` lists. It fails if the package cannot be published. */
async function packageFiles(): Promise<string[]> {
  const command = [Deno.execPath(), "publish", "--dry-run", "--allow-dirty"];
  const { code, stderr } = await run(command, { cwd: ROOT, env: { NO_COLOR: "1" } });
  assert.equal(code, 0, stderr);
  const prefix = new URL("../../", import.meta.url).href;
  const files = [...stderr.matchAll(/^ +(file:\/\/\S+) \(/gm)].map(([, url = ""]) => url.slice(prefix.length));
  assert(files.includes("mod.ts") && files.length > 200, `${files.length} files: ${stderr.slice(0, 1_000)}`);
  return files;
}

const PROGRAM = `
import { openPool } from "${NAME}";
const [url = "", namespace] = Deno.args;
await using pool = await openPool(url, "10.7.0.0/29", { ...(namespace !== undefined && { namespace }) });
const allocated = [await pool.allocate("default/printer"), await pool.allocate("default/camera")];
const free = (await pool.free()).take(2).toArray();
const released = await pool.release("default/printer");
console.log(JSON.stringify({ allocated, free, released, left: await pool.list() }));
`;

const EXPECTED = {
  allocated: ["10.7.0.1", "10.7.0.2"],
  free: ["10.7.0.3", "10.7.0.4"],
  released: "10.7.0.1",
  left: [{ address: "10.7.0.2", owner: "default/camera", interface: "pool" }],
};

const RECONCILER = `
import { datastoreOf, denoWorld, openPods, openStore, sweep, sweepReport } from "${NAME}";
const world = denoWorld();
const datastore = await datastoreOf("kubernetes:");
await using store = await openStore({ datastore }, { world });
await using pods = await openPods(world, datastore.kind === "kubernetes" ? datastore : {});
const { signal } = new AbortController();
console.log(JSON.stringify(sweepReport(await sweep(store, { pods, grace: 5_000, dryRun: true, signal }), true)));
`;

/** The first example of the README's section about the library. */
async function readmeExample(): Promise<string> {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const [, example = ""] = /^## As a library$[^]*?^```ts\n([^]*?)^```$/m.exec(readme) ?? [];
  assert.notEqual(example, "", "README.md has no example");
  return example;
}

Deno.test("the library works from a copy of its package, on every store, without an import map of ours", async (t) => {
  await using project = await Project.create();
  const works = async (permissions: readonly string[], args: readonly string[]) => {
    const command = ["run", "--no-prompt", "--quiet", ...permissions.map((one) => `--allow-${one}`)];
    const { code, stdout, stderr } = await project.deno(command, PROGRAM, args);
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), EXPECTED);
  };

  await t.step("every export passes `deno check` with the compiler's defaults", async () => {
    const lines = Object.keys(EXPORTS).map((entry, i) => `import * as x${i} from "${NAME}${entry.slice(1)}";`);
    const uses = `console.log(${lines.map((_, i) => `x${i}`).join(", ")});`;
    const { code, stderr } = await project.deno(["check", "--quiet"], [...lines, uses].join("\n"));
    assert.equal(code, 0, stderr);
  });

  await t.step("the README's example prints what its comments say", async () => {
    const example = await readmeExample();
    const expected = [...example.matchAll(/^console\.log\(.*\); \/\/ (.+)$/gm)].map(([, text]) => text);
    assert(expected.length > 2);
    const { stdout, stderr } = await project.deno(["run", "--no-prompt", "-A", "--quiet"], example);
    assert.deepEqual(stdout.trimEnd().split("\n"), expected, stderr);
  });

  await t.step("SQLite", async () => {
    const folder = await Deno.makeTempDir();
    await works(["env", "read", "write"], [`sqlite:${folder}/pools.db`]);
    await Deno.remove(folder, { recursive: true });
  });

  await t.step("etcd", async () => {
    await using etcd = await EtcdServer.start();
    await works(["env", "net", "read", "sys"], [etcd.url.replace("http:", "etcd:")]);
  });

  await t.step("Kubernetes, and a reconciler that compares it with the pods", async () => {
    await using kube = await makeKube();
    await works(["env", "net", "read"], [`kubernetes:${kube.kubeconfig}`]);
    const { allocations } = JSON.parse(await kube.kubectl("get", "ippool", "10.7.0.0-29", "-o", "json")).spec;
    assert.deepEqual(allocations, { 2: { id: "default/camera", podref: "default/camera", ifname: "pool" } });
    const swept = await project.deno(["run", "-A", "--quiet"], RECONCILER, [], { KUBECONFIG: kube.kubeconfig });
    assert.equal(swept.code, 0, swept.stderr);
    const freed: readonly { readonly address: string; readonly reason: string }[] = JSON.parse(swept.stdout).freed;
    assert.deepEqual(freed.map(({ address, reason }) => [address, reason]), [["10.7.0.2", "pod is gone"]]);
  });
});
