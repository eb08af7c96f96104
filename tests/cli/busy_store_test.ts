import assert from "node:assert/strict";
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import type { Operation, Runner } from "../../src/storage/wrap.ts";
import { denoPlatform } from "../../src/world/deno_agent.ts";
import { call, database, give, run } from "./lab.ts";

/** A call of each command that opens a store. `migrate`, which needs etcd, is in migrate_live_test.ts. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  check: ["--pods", "PODS"],
  claims: ["--pods", "PODS"],
  plan: ["10.0.0.0/28"],
  reconcile: ["--pods", "PODS", "--grace", "5"],
  release: ["10.0.0.1", "--yes"],
  resize: ["10.0.0.0/28", "10.0.0.0/24"],
  show: ["--map"],
  status: ["--pods", "PODS"],
  top: ["--once"],
  ui: ["--html", "FILE"],
  "who-has": ["10.0.0.1"],
};
/** Commands without a store; `slices`, which needs a cluster; and `sysdump`, which runs other commands. */
const WITHOUT_STORE = [
  "sysdump",
  "agent",
  "completion",
  "controller",
  "demo",
  "history",
  "install",
  "lint",
  "migrate",
  "slices",
  "version",
];

/** The page itself is the same for every store. */
const readPage = () => Promise.resolve({ script: "", style: "" });

/** A store whose operations fail with 429 the first time. */
function busyAtFirst(): { readonly around: Runner; readonly refused: ReadonlySet<Operation> } {
  const refused = new Set<Operation>();
  const around: Runner = (operation, work, signal) => {
    if (refused.has(operation)) return work(signal);
    refused.add(operation);
    return Promise.reject(new UnavailableError("Too many requests (429)", { retryAfter: 1 }));
  };
  return { around, refused };
}

Deno.test("every command with a store is tested here", async () => {
  const [, section = ""] = /^Commands:?\n([^]*?)\n\n/m.exec((await run("--help")).out) ?? [];
  const commands = [...section.matchAll(/^ +([a-z-]+) /gm)].map(([, name = ""]) => name);
  assert.deepEqual([...Object.keys(CALLS), ...WITHOUT_STORE].toSorted(), commands.toSorted());
});

Deno.test("show --watch survives a busy store between two reads, and ends when the store refuses", async () => {
  await using db = await database();
  let lists = 0;
  const around: Runner = async (operation, work, signal) => {
    if (operation !== "list") return await work(signal);
    lists++;
    if (lists === 2) {
      await give(db.path, "web-2");
      throw new UnavailableError("Too many requests (429)", { retryAfter: 1 });
    }
    if (lists > 4) throw new RefusedError("Not any more");
    return await work(signal);
  };
  const { code, out, err } = await call({ around }, "show", "10.0.0.0/28", "-w", "--database", db.path);
  assert.deepEqual([code, lists], [1, 5], err);
  assert.match(err, /Not any more/);
  assert.equal(out.match(/^10\.0\.0\.1 /gm)?.length, 1, out);
  assert.equal(out.match(/^10\.0\.0\.3 +default\/web-2 /gm)?.length, 1, out);
});

for (const [command, flags] of Object.entries(CALLS)) {
  Deno.test(`${command} has the same result on a busy store as on an idle one`, async () => {
    const ran = [];
    const busy = busyAtFirst();
    for (const around of [undefined, busy.around]) {
      await using db = await database();
      const pods = ["check", "status"].includes(command) ? "default/web-0\n" : "default/web-0\ndefault/web-1\n";
      await Deno.writeTextFile(`${db.path}.pods`, pods);
      const files: Readonly<Record<string, string>> = { PODS: `${db.path}.pods`, FILE: `${db.path}.html` };
      const given = flags.map((flag) => files[flag] ?? flag);
      const how = { platform: () => Promise.resolve({ ...denoPlatform(), readPage }), ...(around && { around }) };
      const { code, out } = await call(how, command, ...given, "--database", db.path);
      const written = await Deno.readTextFile(`${db.path}.html`).catch(() => "");
      const same = (text: string) => text.replaceAll(db.path, "DATABASE").replace(/"at":\d+/, '"at":0');
      ran.push([code, same(out), same(written)]);
    }
    assert.deepEqual(ran[1], ran[0]);
    assert(busy.refused.size > 0);
  });
}
