import assert from "node:assert/strict";
import { isUnderWay } from "../../src/pool/move.ts";
import type { Runner } from "../../src/storage/wrap.ts";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import { call, database, run } from "./lab.ts";

/** Ends a command before one of its writes. */
function endingAt(write: number): { readonly around: Runner; readonly ended: () => boolean } {
  let writes = 0;
  const around: Runner = (operation, work, signal) => {
    if ((operation === "commit" || operation === "mark_pool") && writes++ >= write) throw new Error("interrupted");
    return work(signal);
  };
  return { around, ended: () => writes > write };
}

async function isBusy(path: string): Promise<boolean> {
  await using driver = await openEmbedded({ kind: "embedded", path });
  return (await driver.list(AbortSignal.timeout(60_000))).some(({ move }) => move && isUnderWay(move));
}

/** Commands, and the number of their writes between which pools are marked. */
const COMMANDS: readonly (readonly [command: readonly string[], marked: number])[] = [
  [["resize", "10.0.0.0/28", "10.0.0.0/24"], 5],
  [["migrate", "blocks", "10.0.0.0/28", "--size", "/30"], 5],
];

for (const [command, marked] of COMMANDS) {
  Deno.test(`check names the command that completes an interrupted ${command.join(" ")}`, async () => {
    let found = 0;
    for (let write = 0;; write++) {
      await using db = await database();
      const store = ["--database", db.path];
      const { around, ended } = endingAt(write);
      const { code } = await call({ around }, ...command, ...store);
      if (!ended()) break;
      assert.equal(code, 1);
      const { code: exit, out } = await run("check", "--json", ...store);
      const { findings } = JSON.parse(out);
      if (await isBusy(db.path)) {
        assert.deepEqual(
          [exit, findings.length, findings[0]?.kind],
          [3, 1, "unfinished-move"],
          `write ${write}: ${out}`,
        );
        const named = / until whereabouts (.+) has ended/.exec(findings[0].message)?.[1] ?? "";
        assert.equal(named, command.join(" "));
        found++;
      } else assert.deepEqual([exit, findings], [0, []], `write ${write}`);
      assert.equal((await run(...command, ...store)).code, 0);
      assert.deepEqual(JSON.parse((await run("check", "--json", ...store)).out).findings, []);
    }
    assert.equal(found, marked);
  });
}
