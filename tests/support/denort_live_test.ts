import assert from "node:assert/strict";
import { compiler } from "./denort.ts";
import { must } from "./process.ts";

Deno.test("compiler makes programs that run", async () => {
  const { deno, env, version } = await compiler();
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/main.ts`, 'console.log(Deno.version.deno, Deno.args.join(" "));\n');
  const options = ["--quiet", "--no-config", "--no-check", "--output", `${folder}/program`];
  await must([deno, "compile", ...options, `${folder}/main.ts`], { env });
  assert.equal(await must([`${folder}/program`, "a", "b"]), `${version} a b\n`);
  await Deno.remove(folder, { recursive: true });
});
