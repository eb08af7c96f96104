import assert from "node:assert/strict";
import { compress, withTime } from "../../install/release/compress.ts";
import { concat, tar } from "../../src/values/tar.ts";
import { must } from "../support/process.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "tar-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("withTime sets the time of every entry, and leaves the rest of an archive unchanged", async () => {
  const entries = [{ path: "a", data: new Uint8Array(513).fill(65) }, { path: "b", folder: true }] as const;
  await inFolder(async (folder) => {
    await Deno.writeFile(`${folder}/a.tgz`, withTime(compress(tar(entries)), 86_400));
    const listed = await must(["tar", "--list", "--verbose", "--utc", "--full-time", "-zf", `${folder}/a.tgz`]);
    assert.match(listed, /513 1970-01-02 00:00:00 a\n.* 1970-01-02 00:00:00 b\/\n/);
    assert.match(await must(["tar", "-xzOf", `${folder}/a.tgz`, "a"]), /^A{513}$/);
  });
});

Deno.test("tar refuses a path that the format cannot hold", () => {
  assert.throws(() => tar([{ path: "a".repeat(100), data: new Uint8Array() }]), /expected a path below 100 bytes/);
});

Deno.test("concat puts bytes after one another", () => {
  assert.deepEqual(concat([new Uint8Array([1, 2]), new Uint8Array(), new Uint8Array([3])]), new Uint8Array([1, 2, 3]));
});
