import assert from "node:assert/strict";
import { kindOf, readRegularFile, realPathOf } from "../../src/world/deno_files.ts";
import { FILE_LIMITS } from "../../src/world/world.ts";
import { must, run, Server } from "../support/process.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readRegularFile reads files and links to files, up to the limit of their purpose", () =>
  inFolder(async (folder) => {
    const path = `${folder}/file`;
    await Deno.writeTextFile(path, "tëxt\n");
    await Deno.symlink(path, `${folder}/link`);
    assert.equal(await readRegularFile(path), "tëxt\n");
    assert.equal(await readRegularFile(`${folder}/link`, "kubeconfig"), "tëxt\n");
    assert.equal(await realPathOf(`${folder}/link`), await Deno.realPath(path));
    await assert.rejects(realPathOf(`${folder}/nothing`), { name: "NotFound" });
    await assert.rejects(realPathOf("/etc/nothing"), { name: "NotFound" });
    await Deno.writeTextFile(path, "");
    assert.equal(await readRegularFile(path), "");
    await Deno.writeTextFile(path, "x".repeat(FILE_LIMITS.kubeconfig));
    assert.equal((await readRegularFile(path, "kubeconfig")).length, FILE_LIMITS.kubeconfig);
    await Deno.writeTextFile(path, "x", { append: true });
    await assert.rejects(readRegularFile(path, "kubeconfig"), {
      message: `Cannot read "${path}": it has 1048577 bytes, expected at most 1048576`,
    });
    assert.equal((await readRegularFile(path)).length, FILE_LIMITS.kubeconfig + 1);
    await assert.rejects(readRegularFile(`${folder}/nothing`), { name: "NotFound" });
  }));

Deno.test("readRegularFile refuses other kinds of files at once, and reads endless files as empty", () =>
  inFolder(async (folder) => {
    await must(["mkfifo", `${folder}/fifo`]);
    using _socket = Deno.listen({ transport: "unix", path: `${folder}/socket` });
    for (const path of [`${folder}/fifo`, `${folder}/socket`, folder, "/dev/zero", "/dev/tty", "/dev/stdin"]) {
      await assert.rejects(readRegularFile(path, "configuration"), (error: Error) => {
        assert(error.message.startsWith(`Cannot read ${JSON.stringify(path)}: `), error.message);
        return true;
      });
    }
    await assert.rejects(readRegularFile("/dev/zero"), /not a regular file \(a folder, device, FIFO or socket\)$/);
    assert.equal(await readRegularFile("/proc/self/environ"), "");
    assert.equal(await readRegularFile("/proc/kmsg"), "");
  }));

Deno.test("readRegularFile gives up if the disk does not answer, while other files are read", () =>
  inFolder(async (folder) => {
    // a lease (fcntl(2), F_SETLEASE) blocks opening the file, as a network file system without its server does
    const path = `${folder}/held`;
    await Deno.writeTextFile(path, "text");
    await Deno.writeTextFile(`${folder}/other`, "other");
    const perl =
      '$SIG{IO} = "IGNORE"; open F, "+<", $ARGV[0]; fcntl(F, 1024, 1) or die; open M, ">", "$ARGV[0].ready"; sleep 60;';
    await using holder = new Server(["perl", "-e", perl, path], `${folder}/log`);
    await holder.ready("a lease", async () => (await run(["test", "-e", `${path}.ready`])).code === 0);
    // expected from the start: on a busy machine it fails before the other file is read
    const held = assert.rejects(readRegularFile(path, "record", 1_000), {
      message: `Cannot read "${path}": no answer from the disk within 1 s`,
    });
    assert.equal(await readRegularFile(`${folder}/other`), "other");
    await held;
  }));

Deno.test("kindOf distinguishes files, folders, other objects and missing paths", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    const kinds = await Promise.all(["", "/file", "/file/below", "/nothing"].map((name) => kindOf(folder + name)));
    assert.deepEqual(kinds, ["folder", "file", "other", "missing"]);
    assert.equal(await kindOf("/dev/zero"), "other");
  }));

Deno.test("readRegularFile applies the same rules to files on the node's own disk, which it reads synchronously", async () => {
  assert.equal(await readRegularFile("/etc/passwd", "configuration"), await Deno.readTextFile("/etc/passwd"));
  await assert.rejects(
    readRegularFile("/etc/ssl"),
    /^UnreadableFileError: Cannot read "\/etc\/ssl": not a regular file/,
  );
  await assert.rejects(readRegularFile("/etc/nothing"), { name: "NotFound" });
  await assert.rejects(readRegularFile("/etc/../dev/zero"), /not a regular file/);
  assert.deepEqual(await Promise.all(["/etc/passwd", "/etc/ssl", "/etc/nothing"].map(kindOf)), [
    "file",
    "folder",
    "missing",
  ]);
});
