import assert from "node:assert/strict";
import { closeToOthers, makeFolder, openIn } from "../../src/world/deno_folders.ts";

/** The permission bits of a mode. */
const modeOf = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o777;

async function inFolder(work: (folder: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir();
  const umask = Deno.umask(0);
  try {
    work(folder);
  } finally {
    Deno.umask(umask);
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("makeFolder closes new folders to other users, and keeps the modes of folders that the program does not own", () =>
  inFolder((folder) => {
    Deno.mkdirSync(`${folder}/theirs`, { mode: 0o755 });
    makeFolder(`${folder}/theirs`);
    makeFolder(`${folder}/theirs/a/b`);
    assert.deepEqual(["", "/a", "/a/b"].map((path) => modeOf(`${folder}/theirs${path}`)), [0o755, 0o700, 0o700]);
  }));

Deno.test("openIn creates a missing folder, and fails as opening does for every other reason", () =>
  inFolder((folder) => {
    const open = () => Deno.openSync(`${folder}/a/b`, { write: true, createNew: true });
    openIn(`${folder}/a`, open).close();
    assert.equal(modeOf(`${folder}/a`), 0o700);
    assert.throws(() => openIn(`${folder}/a`, open), Deno.errors.AlreadyExists);
    assert.throws(() => openIn(`${folder}/a/b/c`, () => Deno.openSync(`${folder}/a/b/c/d`)), Deno.errors.NotADirectory);
  }));

Deno.test("closeToOthers removes the permissions of group and others, and adds none", () =>
  inFolder((folder) => {
    for (const [before, after] of [[0o666, 0o600], [0o640, 0o600], [0o444, 0o400], [0o600, 0o600]] as const) {
      const path = `${folder}/${before}`;
      Deno.writeTextFileSync(path, "");
      Deno.chmodSync(path, before);
      closeToOthers(path);
      assert.equal(modeOf(path), after);
    }
    assert.throws(() => closeToOthers(`${folder}/none`), Deno.errors.NotFound);
  }));
