import assert from "node:assert/strict";
import { Archive } from "../../src/sysdump/archive.ts";
import { must } from "../support/process.ts";

const NEVER = new AbortController().signal;

/** The files of an archive by their path, as tar unpacks them. */
async function unpack(archive: Archive): Promise<Map<string, string>> {
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/a.tar.gz`, await archive.finish({ version: "1" }));
  const names = (await must(["tar", "-tzf", `${folder}/a.tar.gz`])).trim().split("\n");
  const read = async (name: string) => [name, await must(["tar", "-xzOf", `${folder}/a.tar.gz`, name])] as const;
  return new Map(await Promise.all(names.map(read)));
}

Deno.test("an archive has its files, an index of them, and what is missing in it", async () => {
  const archive = new Archive("dump");
  archive.add("a/b.txt", "text");
  archive.addJson("c.json", [1]);
  archive.miss("logs", "no right");
  assert.equal(await archive.attempt("part", () => Promise.reject(new Error("refused")), NEVER), undefined);
  const files = await unpack(archive);
  assert.equal(files.get("dump/a/b.txt"), "text");
  assert.deepEqual(JSON.parse(files.get("dump/index.json") ?? ""), {
    version: "1",
    files: [{ path: "dump/a/b.txt", bytes: 4 }, { path: "dump/c.json", bytes: 8 }],
    missing: [{ what: "logs", why: "no right" }, { what: "part", why: "refused" }],
  });
});

Deno.test("an archive keeps its limit, and lists the file that is missing for it", () => {
  const archive = new Archive("dump", 10);
  archive.add("small", "12345");
  archive.add("large", "1234567");
  archive.add("last", "12345");
  assert.deepEqual([archive.size, archive.missing.map(({ what }) => what)], [2, ["large"]]);
});

Deno.test("an archive shortens long names, and keeps files apart that would get the same one", async () => {
  const archive = new Archive("dump");
  const long = "x".repeat(200);
  for (const name of [`${long}1.log`, `${long}2.log`, "../../etc/x y.log"]) archive.add(name, name);
  const names = [...(await unpack(archive)).keys()];
  assert.equal(new Set(names).size, 4);
  assert(names.every((name) => name.startsWith("dump/")), names.join());
  assert.equal(names.some((name) => name.includes("..")), false, names.join());
});

Deno.test("an archive is not written after its deadline", async () => {
  const aborted = AbortSignal.abort(new Error("too late"));
  await assert.rejects(new Archive("dump").attempt("part", () => Promise.reject(new Error("x")), aborted), /too late/);
});
