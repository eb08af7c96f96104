import assert from "node:assert/strict";
import { admit, filePolicy, headersOf, type Knock, makeToken } from "../../src/ui/door.ts";

const TOKEN = "t0ken";

function knock(path: string, headers: Record<string, string> = {}, method = "GET"): Knock {
  return {
    method,
    url: `http://127.0.0.1:8000/${path}`,
    headers: new Headers({ host: "127.0.0.1:8000", ...headers }),
  };
}

function statusOf(one: Knock): number {
  const answer = admit(one, TOKEN);
  return "status" in answer ? answer.status : 200;
}

Deno.test("the door opens for a request with the token, and names what it is for", () => {
  const page = admit(knock("t0ken/"), TOKEN);
  assert.equal("path" in page && page.path, "");
  const answer = admit(knock("t0ken/details?pool=a%2Fb"), TOKEN);
  assert("path" in answer);
  assert.deepEqual([answer.path, answer.query.get("pool")], ["details", "a/b"]);
});

Deno.test("the door refuses a request without the token, with a part of it, or with more", () => {
  for (const path of ["", "t0ke/", "t0ken1/", "T0ken/", "x/t0ken/", "?token=t0ken", "t0ken", "%740ken/"]) {
    assert.equal(statusOf(knock(path)), 403, path);
  }
});

Deno.test("the door refuses every Host but this machine, so that a rebound name does not reach it", () => {
  const own = ["127.0.0.1:8000", "localhost:9999", "localhost", "127.0.0.1"];
  for (const host of own) assert.equal(statusOf(knock("t0ken/", { host })), 200, host);
  const others = [
    "evil.example",
    "evil.example:8000",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.1",
    "",
  ];
  for (const host of others) assert.equal(statusOf(knock("t0ken/", { host })), 403, host);
});

Deno.test("the door refuses requests that another web page sends, even with the token", () => {
  const refused = [
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:9000" },
    { origin: "https://127.0.0.1:8000" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" },
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script" },
  ];
  for (const headers of refused) assert.equal(statusOf(knock("t0ken/", headers)), 403, JSON.stringify(headers));
  const admitted = [
    { origin: "http://127.0.0.1:8000" },
    { "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "none" },
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
  ];
  for (const headers of admitted) assert.equal(statusOf(knock("t0ken/", headers)), 200, JSON.stringify(headers));
});

Deno.test("the door lets only GET pass", () => {
  for (const method of ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    assert.equal(statusOf(knock("t0ken/", {}, method)), 405, method);
  }
});

Deno.test("every token is new, and long enough that it cannot be guessed", () => {
  const tokens = Array.from({ length: 100 }, makeToken);
  assert.equal(new Set(tokens).size, 100);
  for (const token of tokens) assert.match(token, /^[\w-]{32}$/);
});

Deno.test("no answer may be kept, framed, or run code of others", () => {
  const headers = headersOf("text/html");
  assert.equal(headers["cache-control"], "no-store");
  assert.equal(headers["referrer-policy"], "no-referrer");
  for (const policy of [headers["content-security-policy"] ?? "", filePolicy("sha256-a", "sha256-b")]) {
    assert.match(policy, /^default-src 'none'; /);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  }
  assert.match(headers["content-security-policy"] ?? "", /frame-ancestors 'none'/);
});
