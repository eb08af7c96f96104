import assert from "node:assert/strict";
import { UnavailableError } from "../../src/storage/driver.ts";
import type { Operation, Runner } from "../../src/storage/wrap.ts";
import { call, database, run } from "./lab.ts";

/** A call of each command that opens a store. `migrate`, which needs etcd, is in migrate_live_test.ts. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  check: ["--pods", "PODS"],
  claims: ["--pods", "PODS"],
  plan: ["10.0.0.0/28"],
  reconcile: ["--pods", "PODS", "--grace", "5"],
  release: ["10.0.0.1", "--yes"],
  show: ["--map"],
  status: ["--pods", "PODS"],
  "who-has": ["10.0.0.1"],
};
/** Commands without a store; `slices`, which needs a cluster; and `sysdump`, which runs other commands. */
const WITHOUT_STORE = [
  "sysdump",
  "agent",
  "controller",
  "demo",
  "history",
  "install",
  "lint",
  "migrate",
  "slices",
  "version",
];

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

for (const [command, flags] of Object.entries(CALLS)) {
  Deno.test(`${command} has the same result on a busy store as on an idle one`, async () => {
    const ran = [];
    const busy = busyAtFirst();
    for (const around of [undefined, busy.around]) {
      await using db = await database();
      const pods = ["check", "status"].includes(command) ? "default/web-0\n" : "default/web-0\ndefault/web-1\n";
      await Deno.writeTextFile(`${db.path}.pods`, pods);
      const given = flags.map((flag) => flag === "PODS" ? `${db.path}.pods` : flag);
      const { code, out } = await call({ ...(around && { around }) }, command, ...given, "--database", db.path);
      ran.push([code, out.replaceAll(db.path, "DATABASE")]);
    }
    assert.deepEqual(ran[1], ran[0]);
    assert(busy.refused.size > 0);
  });
}
