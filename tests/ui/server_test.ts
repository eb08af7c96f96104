import assert from "node:assert/strict";
import { Board } from "../../src/ui/board.ts";
import { modelOf } from "../../src/ui/model.ts";
import { makeHandler } from "../../src/ui/server.ts";
import { allocation, keyOf, pool, reading } from "./lab.ts";

function makeLab() {
  const board = new Board(modelOf(reading([pool(keyOf("10.0.0.0/24"), [allocation("10.0.0.1", "a/b")])])), 5);
  const stop = new AbortController();
  const handle = makeHandler({ board, assets: { script: "code", style: "css" }, token: "t", signal: stop.signal });
  const get = (path: string, headers: Record<string, string> = {}) =>
    handle(new Request(`http://127.0.0.1:8000/${path}`, { headers: { host: "127.0.0.1:8000", ...headers } }));
  return { board, stop, get };
}

Deno.test("the server answers with the page, its parts and the addresses of pools", async () => {
  const { get } = makeLab();
  const texts = ["t/page.js", "t/page.css"].map((path) => get(path).text());
  assert.deepEqual(await Promise.all(texts), ["code", "css"]);
  assert.match(await get("t/").text(), /^<!doctype html>/);
  assert.equal((await get("t/details?pool=10.0.0.0%2F24").json()).entries[0][2], "a/b");
  assert.deepEqual(Object.keys(await get("t/details").json()), ["10.0.0.0/24"]);
});

Deno.test("every answer, refusals included, has the strict headers", async () => {
  const { get } = makeLab();
  for (
    const [path, status] of [["t/", 200], ["t/page.js", 200], ["t/nothing", 404], ["t/details?pool=x", 404], [
      "x/",
      403,
    ], ["", 403]] as const
  ) {
    const response = get(path);
    assert.equal(response.status, status, path);
    assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'/);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("access-control-allow-origin"), null);
    assert.doesNotMatch(await response.text(), status === 403 ? /a\/b/ : /^$/);
  }
});

Deno.test("the event stream sends the state at once, then every change, and ends with the command", async () => {
  const { board, stop, get } = makeLab();
  const { body } = get("t/events");
  assert(body);
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const next = async () => JSON.parse(((await reader.read()).value ?? "").replace(/^data: /, ""));
  assert.equal((await next()).summary.pools[0].used, 1);
  board.fail("gone");
  assert.equal((await next()).error, "gone");
  stop.abort();
  assert.equal((await reader.read()).done, true);
  board.fail("after the end");
});

Deno.test("a reader that leaves the event stream is forgotten", async () => {
  const { board, get } = makeLab();
  const { body } = get("t/events");
  await body?.cancel();
  board.fail("to nobody");
});
