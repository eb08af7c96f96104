import assert from "node:assert/strict";
import { confine, ConfinedPathError, isBelow, normalize, resolveBelow } from "../../src/world/confine.ts";
import { denoWorld } from "../../src/world/deno.ts";

Deno.test("normalize removes dots and double slashes, and refuses relative paths", () => {
  const cases = [
    ["/etc/cni/net.d", "/etc/cni/net.d"],
    ["/etc//cni/./net.d/", "/etc/cni/net.d"],
    ["/etc/cni/../shadow", "/etc/shadow"],
    ["/../../etc", "/etc"],
    ["/", "/"],
    ["etc/cni", undefined],
    ["", undefined],
    ["/etc/cni\0/x", undefined],
  ] as const;
  for (const [path, normal] of cases) assert.equal(normalize(path), normal, path);
});

Deno.test("isBelow compares whole names", () => {
  for (const path of ["/var/log", "/var/log/x", "/var/log/x/y"]) assert(isBelow(path, ["/etc", "/var/log"]), path);
  for (const path of ["/var/logs", "/var/log.old/x", "/var", "/"]) assert(!isBelow(path, ["/etc", "/var/log"]), path);
  assert(isBelow("/anything", ["/"]));
});

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("resolveBelow follows links, and refuses those that lead outside", () =>
  inFolder(async (folder) => {
    const world = denoWorld();
    await Deno.mkdir(`${folder}/allowed/sub`, { recursive: true });
    await Deno.mkdir(`${folder}/other`);
    await Deno.writeTextFile(`${folder}/allowed/file`, "in");
    await Deno.writeTextFile(`${folder}/other/secret`, "out");
    await Deno.symlink(`${folder}/allowed/file`, `${folder}/allowed/inside`);
    await Deno.symlink(`${folder}/other/secret`, `${folder}/allowed/leak`);
    await Deno.symlink(`${folder}/other`, `${folder}/allowed/folder`);
    await Deno.symlink(`${folder}/other/none`, `${folder}/allowed/dangling`);
    await Deno.symlink(`${folder}/allowed`, `${folder}/link`);
    const resolve = (path: string, below = `${folder}/allowed`) => resolveBelow(world, path, [below]);
    assert.equal(await resolve(`${folder}/allowed/inside`), `${folder}/allowed/file`);
    assert.equal(await resolve(`${folder}/allowed/sub/new/log`), `${folder}/allowed/sub/new/log`);
    assert.equal(await resolve(`${folder}/link/file`, `${folder}/link`), `${folder}/allowed/file`);
    for (
      const path of ["allowed/leak", "allowed/folder/secret", "allowed/folder/new", "allowed/../other/secret", "other"]
    ) {
      await assert.rejects(resolve(`${folder}/${path}`), ConfinedPathError, path);
    }
    const confined = confine(world, [`${folder}/allowed`]);
    assert.equal(await confined.readTextFile(`${folder}/allowed/inside`), "in");
    await assert.rejects(confined.readTextFile(`${folder}/allowed/leak`), ConfinedPathError);
    await assert.rejects(confined.readTextFile("relative"), ConfinedPathError);
  }));

Deno.test("resolveBelow accepts a path with a file as folder: opening it fails", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    assert.equal(await resolveBelow(denoWorld(), `${folder}/file/below`, [folder]), `${folder}/file/below`);
  }));

Deno.test("resolveBelow accesses nothing outside the folders", async () => {
  const touched: string[] = [];
  const realPath = (path: string) => {
    touched.push(path);
    return Promise.resolve(path);
  };
  await assert.rejects(
    resolveBelow({ realPath }, "/etc/shadow", ["/etc/cni"]),
    /"\/etc\/shadow" is not below \/etc\/cni/,
  );
  assert.deepEqual(touched, []);
});

Deno.test("resolveBelow resolves the folder that contains the path's text first, and others only if that fails", async () => {
  const touched: string[] = [];
  const links: Readonly<Record<string, string>> = { "/etc/cni/link": "/opt/cni/file" };
  const realPath = (path: string) => {
    touched.push(path);
    return Promise.resolve(links[path] ?? path);
  };
  const folders = ["/srv", "/etc/cni", "/opt/cni", "/var"];
  assert.equal(await resolveBelow({ realPath }, "/etc/cni/file", folders), "/etc/cni/file");
  assert.deepEqual(touched, ["/etc/cni/file", "/etc/cni"]);
  assert.equal(await resolveBelow({ realPath }, "/etc/cni/link", folders), "/opt/cni/file");
});
