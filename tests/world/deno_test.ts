import assert from "node:assert/strict";
import { denoWorld, readToEnd, writeAll } from "../../src/world/deno.ts";

const world = denoWorld();

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("denoWorld distinguishes files, folders and missing paths", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "text");
    assert.equal(await world.readTextFile(`${folder}/file`), "text");
    assert.deepEqual(
      await Promise.all(["", "/file", "/nothing", "/file/below"].map((name) => world.exists(folder + name))),
      [true, true, false, true], // below a file is no absence: the original's search stops there too
    );
    assert.equal(await world.isDirectory(folder), true);
    assert.equal(await world.isDirectory(`${folder}/file`), false);
    assert.equal(await world.isDirectory(`${folder}/nothing`), false);
    await assert.rejects(world.readTextFile(`${folder}/nothing`), { name: "NotFound" });
  }));

Deno.test("denoWorld replaces files atomically, creates their folder, and leaves no other file", () =>
  inFolder(async (folder) => {
    const path = `${folder}/new/deeper/file`;
    for (const [text, durable] of [["first, and longer", true], ["second", false]] as const) {
      await world.writeFile(path, text, { durable });
      assert.equal(await Deno.readTextFile(path), text);
    }
    assert.deepEqual(await world.listFolder(`${folder}/new/deeper`), ["file"]);
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    await world.writeFile(path, "third", { durable: true, mode: 0o644 });
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o644);
    await Deno.mkdir(`${folder}/existing/below`, { recursive: true });
    await assert.rejects(world.writeFile(`${folder}/existing`, "text", { durable: true }));
    assert.deepEqual((await world.listFolder(folder)).sort(), ["existing", "new"]);
  }));

Deno.test("denoWorld removes and lists missing paths without an error", () =>
  inFolder(async (folder) => {
    await world.remove(`${folder}/nothing`);
    assert.deepEqual(await world.listFolder(`${folder}/nothing`), []);
    await Deno.mkdir(`${folder}/full/below`, { recursive: true });
    await assert.rejects(world.remove(`${folder}/full`));
    await Deno.writeTextFile(`${folder}/file`, "");
    await assert.rejects(world.listFolder(`${folder}/file`));
    await world.remove(`${folder}/file`);
    assert.deepEqual(await world.listFolder(folder), ["full"]);
  }));

Deno.test("denoWorld appends to files, creates them readable for their owner only, and keeps the mode of existing ones", () =>
  inFolder(async (folder) => {
    const path = `${folder}/log`;
    world.appendTextFile(path, "one\n");
    world.appendTextFile(path, "two\n");
    assert.equal(await Deno.readTextFile(path), "one\ntwo\n");
    const mode = async () => ((await Deno.stat(path)).mode ?? 0) & 0o777;
    assert.equal(await mode(), 0o600);
    for (const kept of [0o640, 0o400, 0o666]) {
      await Deno.chmod(path, kept);
      world.appendTextFile(path, "three\n");
      assert.equal(await mode(), kept);
    }
  }));

Deno.test("denoWorld appends only to regular files, and does not wait for a reader", () =>
  inFolder(async (folder) => {
    const { success } = await new Deno.Command("mkfifo", { args: [`${folder}/fifo`] }).output();
    assert(success);
    for (const path of [folder, `${folder}/fifo`, "/dev/full"]) {
      assert.throws(() => world.appendTextFile(path, "line\n"), /is not a regular file/);
    }
  }));

Deno.test("denoWorld computes digests", async () => {
  assert.equal(await world.digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); // FIPS 180-4
});

Deno.test("denoWorld sleeps, and wakes with the signal's reason", async () => {
  await world.sleep(1);
  await world.sleep(1, new AbortController().signal);
  const reason = new Error("Enough");
  await assert.rejects(world.sleep(60_000, AbortSignal.abort(reason)), reason);
  const controller = new AbortController();
  const sleeping = world.sleep(60_000, controller.signal);
  controller.abort(reason);
  await assert.rejects(sleeping, reason);
});

Deno.test("denoWorld reads standard input to its end, and refuses more than the limit", async () => {
  const script = `
    import { denoWorld } from ${JSON.stringify(new URL("../../src/world/deno.ts", import.meta.url).href)};
    const world = denoWorld();
    world.stderr("line");
    try { console.log((await world.stdin(200_000)).length); } catch (error) { console.log(error.name, error.message); }`;
  const run = async (size: number) => {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-lock", script],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    await using child = command.spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new Uint8Array(size)).catch(() => {});
    await writer.close().catch(() => {});
    const { stdout, stderr } = await child.output();
    return [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  };
  assert.deepEqual(await run(0), ["0\n", "line\n"]);
  assert.deepEqual(await run(200_000), ["200000\n", "line\n"]);
  assert.deepEqual(await run(200_001), ["RangeError Standard input is longer than 200000 bytes\n", "line\n"]);
});

Deno.test("writeAll writes everything, even if each write accepts few bytes", () => {
  const written: number[] = [];
  const slow = {
    writeSync(data: Uint8Array) {
      const accepted = data.subarray(0, 3);
      written.push(...accepted);
      return accepted.length;
    },
  };
  writeAll(slow, "grüße, 世界");
  assert.equal(new TextDecoder().decode(new Uint8Array(written)), "grüße, 世界");
});

Deno.test("readToEnd joins split characters, stops at the end byte, and refuses more than the limit", async () => {
  const source = (text: string) => {
    const bytes = [...new TextEncoder().encode(text)];
    return {
      read(buffer: Uint8Array) {
        const byte = bytes.shift();
        if (byte === undefined) return Promise.resolve(null);
        buffer[0] = byte;
        return Promise.resolve(1);
      },
    };
  };
  assert.equal(await readToEnd(source("grüße")), "grüße");
  assert.equal(await readToEnd(source("")), "");
  assert.equal(await readToEnd(source("grüße\nmehr"), { end: 10 }), "grüße\n");
  assert.equal(await readToEnd(source("1234"), { limit: 4 }), "1234");
  await assert.rejects(readToEnd(source("12345"), { limit: 4 }), RangeError);
});
