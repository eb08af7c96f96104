import assert from "node:assert/strict";
import { Mirror } from "../../src/controllers/mirror.ts";
import { ConflictError, RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";
import { FeedServer, settled } from "./lab.ts";

interface Lab extends AsyncDisposable {
  readonly server: FeedServer;
  readonly mirror: Mirror<{ readonly name: string; readonly mark?: string }>;
  readonly changes: string[];
  /** Processes pending events and lets waits elapse. */
  go(): Promise<void>;
}

function lab(...answers: FeedServer["answers"]): Lab {
  const world = memoryWorld();
  const server = new FeedServer();
  server.answers = answers;
  const changes: string[] = [];
  const mirror = new Mirror(server, world, SILENT, {
    put: ({ name, mark }, before) => changes.push(`${before ? "~" : "+"}${name}${mark ?? ""}`),
    removed: ({ name }) => changes.push(`-${name}`),
  });
  const stop = new AbortController();
  const running = mirror.run(stop.signal);
  return {
    server,
    mirror,
    changes,
    go: async () => {
      for (let i = 0; i < 10; i++) {
        await settled();
        await world.advance(60_000);
      }
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}

const list = (version: string, ...names: string[]) => ({ items: names.map((name) => ({ name })), version });
const put = (name: string, version: string) => ({ kind: "put", item: { name }, version }) as const;
const gone = (name: string, version: string) => ({ kind: "gone", item: { name }, version }) as const;

Deno.test("Mirror lists objects, then follows changes", async () => {
  await using it = lab(list("1", "a", "b"));
  await it.mirror.synced;
  it.server.push(put("c", "2"));
  it.server.push(put("a", "3"));
  it.server.push(gone("b", "4"));
  await it.go();
  assert.deepEqual(it.changes, ["+a", "+b", "+c", "~a", "-b"]);
  assert.deepEqual(it.mirror.values().map(({ name }) => name), ["a", "c"]);
  assert.deepEqual(it.server.watched, ["1"]);
});

Deno.test("Mirror resumes a watch that ended or broke at the version it reached, bookmarks included, without a new list", async () => {
  await using it = lab(list("1", "a"));
  await it.mirror.synced;
  it.server.push({ kind: "bookmark", version: "7" });
  it.server.push("end");
  await it.go();
  it.server.push(put("b", "9"));
  await it.go();
  it.server.push(new UnavailableError("cut"));
  await it.go();
  assert.deepEqual([it.server.watched, it.server.lists.length], [["1", "7", "9"], 1]);
  assert.deepEqual(it.mirror.values().map(({ name }) => name), ["a", "b"]);
});

Deno.test("Mirror lists again when its version has expired, and reports what was deleted meanwhile", async () => {
  await using it = lab(list("1", "a", "b"), list("20", "b", "c"));
  await it.mirror.synced;
  it.server.push(new ConflictError("410"));
  await it.go();
  assert.deepEqual(it.changes, ["+a", "+b", "~b", "+c", "-a"]);
  assert.deepEqual(it.server.watched, ["1", "20"]);
});

Deno.test("Mirror lists again when its watch is refused, and waits after one that ends immediately", async () => {
  await using it = lab(list("1", "a"), list("5", "b"));
  await it.mirror.synced;
  it.server.push(new RefusedError("404"));
  await it.go();
  assert.deepEqual([it.changes, it.server.watched], [["+a", "+b", "-a"], ["1", "5"]]);
  for (let i = 0; i < 5; i++) it.server.push("end");
  await settled();
  assert.deepEqual(it.server.watched, ["1", "5", "5"], "it waits after the second one");
  await it.go();
  assert.deepEqual([it.server.watched.length > 3, it.server.lists.length], [true, 2]);
});

Deno.test("Mirror does not take a failed list for evidence, and retries", async () => {
  await using it = lab(new UnavailableError("down"), list("1", "a"), new UnavailableError("down"), list("5", "a"));
  await it.go();
  it.server.push(new ConflictError("410"));
  await it.go();
  assert.deepEqual(it.changes, ["+a", "~a"]);
  assert.deepEqual(it.server.lists.length, 2);
});

Deno.test("Mirror treats a resource that is not installed as empty, and lists it again later", async () => {
  await using it = lab({ items: [], version: "" }, { items: [], version: "" }, list("3", "a"));
  await it.mirror.synced;
  assert.deepEqual([it.mirror.size, it.server.watched], [0, []]);
  await it.go();
  assert.deepEqual([it.mirror.size, it.server.watched], [1, ["3"]]);
});

Deno.test("Mirror takes over a list page by page, and removes what is missing only once the list is complete", async () => {
  const world = memoryWorld();
  const server = new FeedServer();
  const lists = [
    [list("1", "a", "b"), list("1", "c")],
    [list("5", "a", "d"), new UnavailableError("No answer")],
    [list("6", "a"), list("6", "d")],
  ];
  const seen: string[] = [];
  const feed = {
    name: server.name,
    keyOf: server.keyOf,
    list: () => Promise.reject(new Error("it has pages")),
    watch: (version: string, signal: AbortSignal) => server.watch(version, signal),
    async *pages() {
      await settled();
      for (const page of lists.shift() ?? []) {
        if (page instanceof Error) throw page;
        yield page;
        seen.push(mirror.values().map(({ name }) => name).join(""));
      }
    },
  };
  const mirror: Mirror<{ readonly name: string; readonly mark?: string }> = new Mirror(feed, world, SILENT);
  const stop = new AbortController();
  const running = mirror.run(stop.signal);
  await mirror.synced;
  server.push(new ConflictError("The version has expired"));
  for (let i = 0; i < 10; i++) {
    await settled();
    await world.advance(60_000);
  }
  stop.abort();
  await running;
  assert.deepEqual(seen, ["ab", "abc", "abcd", "abcd", "abcd"]);
  assert.deepEqual(mirror.values().map(({ name }) => name), ["a", "d"]);
  assert.deepEqual(server.watched, ["1", "6"]);
});
