import assert from "node:assert/strict";
import { checkedProxy, describeProxy, proxyFromEnvironment } from "../../../drivers/net/proxy.ts";

function proxyOf(server: string, env: Record<string, string>): string | undefined {
  return proxyFromEnvironment(server, (name) => env[name])?.url;
}

const NO_PROXIES = [
  "",
  "*",
  " * ",
  "10.96.0.1,*",
  "10.96.0.1",
  " 10.96.0.1 ",
  "10.96.0.1:6443",
  "10.96.0.1:443",
  "10.0.0.0/8",
  "10.96.0.0/16 , x",
  "10.96.0.0/33",
  "10.96",
  ".corp.example",
  "corp.example",
  "*.corp.example",
  "corp.example:6443",
  ".corp.example:443",
  "CORP.example",
  "api.corp.example",
  "fd00::/8",
  "fd00::1",
  "[fd00::1]",
  "[fd00::1]:6443",
  "[fd00::1]:443",
  ",,",
  ":6443",
  "example",
  "localhost,10.96.0.0/12",
  "10.96.0.1/32",
  "10.96.0.1 corp.example",
  "*:6443",
  "10.*",
  "::ffff:10.96.0.1",
  "10.96.0.1:",
  "corp.example:",
  "a:b:c",
];

/** The decisions of golang.org/x/net/http/httpproxy v0.40.0, one column for each of NO_PROXIES: `P` the proxy, `-` directly. */
const GO: Readonly<Record<string, string>> = {
  "https://10.96.0.1:443": "P-----P---PPPPPPPPPPPPPPPPP--PPP--PP",
  "https://10.96.0.1": "P-----P---PPPPPPPPPPPPPPPPP--PPP--PP",
  "https://10.96.0.1:6443": "P------P--PPPPPPPPPPPPPPPPP--PPP--PP",
  "http://10.96.0.1:8080": "P-----PP--PPPPPPPPPPPPPPPPP--PPP--PP",
  "https://127.0.0.1:6443": "------------------------------------",
  "https://127.1.2.3:6443": "------------------------------------",
  "https://localhost:6443": "------------------------------------",
  "https://[::1]:6443": "------------------------------------",
  "https://[fd00::1]:6443": "P---PPPPPPPPPPPPPPP--P-PPPPPPPPPPPPP",
  "https://api.corp.example:6443": "P---PPPPPPPP----P--PPPPPPP-PPPPPPP-P",
  "https://api.corp.example": "P---PPPPPPPP---P---PPPPPPP-PPPPPPP-P",
  "https://corp.example:6443": "P---PPPPPPPPP-P-P-PPPPPPPP-PPPPPPP-P",
  "https://API.CORP.EXAMPLE:6443": "P---PPPPPPPP----P--PPPPPPP-PPPPPPP-P",
  "https://notcorp.example:6443": "P---PPPPPPPPPPPPPPPPPPPPPP-PPPPPPPPP",
  "https://localhost.corp.example:6443": "P---PPPPPPPP----P-PPPPPPPP-PPPPPPP-P",
  "http://localhost:8080": "------------------------------------",
  "https://0.0.0.0:6443": "P---PPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPP",
  "https://[::ffff:10.96.0.1]:6443": "P------P--PPPPPPPPPPPPPPPPP--PPP--PP",
};

Deno.test("proxyFromEnvironment decides as Go does for every server and NO_PROXY of a table", () => {
  for (const [server, decisions] of Object.entries(GO)) {
    assert.equal(decisions.length, NO_PROXIES.length);
    for (const [i, noProxy] of NO_PROXIES.entries()) {
      const env = { HTTP_PROXY: "http://plain:1", HTTPS_PROXY: "http://secure:2", NO_PROXY: noProxy };
      const proxy = server.startsWith("https:") ? "http://secure:2" : "http://plain:1";
      const expected = decisions[i] === "P" ? proxy : undefined;
      assert.equal(proxyOf(server, env), expected, `${server} NO_PROXY=${JSON.stringify(noProxy)}`);
    }
  }
});

Deno.test("proxyFromEnvironment prefers upper-case variables, and ignores ALL_PROXY and variables of other schemes", () => {
  const server = "https://10.96.0.1:443";
  assert.equal(proxyOf(server, { https_proxy: "http://low:1" }), "http://low:1");
  assert.equal(proxyOf(server, { HTTPS_PROXY: "http://up:1", https_proxy: "http://low:1" }), "http://up:1");
  assert.equal(proxyOf(server, { HTTPS_PROXY: "", https_proxy: "http://low:1" }), "http://low:1");
  assert.equal(proxyOf(server, { https_proxy: "http://low:1", no_proxy: "10.96.0.0/16" }), undefined);
  assert.equal(proxyOf(server, { https_proxy: "http://low:1", NO_PROXY: "x", no_proxy: "*" }), "http://low:1");
  assert.equal(
    proxyOf(server, { ALL_PROXY: "http://all:1", all_proxy: "http://all:1", HTTP_PROXY: "http://plain:1" }),
    undefined,
  );
  assert.equal(proxyOf("http://10.96.0.1", { http_proxy: "http://low:1" }), "http://low:1");
  assert.equal(proxyOf("http://10.96.0.1", { HTTP_PROXY: "http://up:1", REQUEST_METHOD: "GET" }), undefined);
  assert.equal(proxyOf("https://LOCALHOST", { HTTPS_PROXY: "http://up:1" }), undefined);
});

Deno.test("proxyFromEnvironment treats an address without a scheme as an http proxy, and ignores other text", () => {
  const table: Readonly<Record<string, string | undefined>> = {
    "proxy:3128": "http://proxy:3128",
    "proxy": "http://proxy:80",
    "user:p%40ss@proxy.corp:3128": "http://user:p%40ss@proxy.corp:3128",
    "[fd00::1]:3128": "http://[fd00::1]:3128",
    "https://proxy": "https://proxy:443",
    "socks5://proxy": "socks5://proxy:1080",
    "http://proxy:3128/path": "http://proxy:3128",
    "a b": undefined,
    "://": undefined,
  };
  for (const [text, expected] of Object.entries(table)) {
    assert.equal(proxyOf("https://10.96.0.1", { HTTPS_PROXY: text }), expected, text);
  }
  assert.throws(() => proxyOf("https://10.96.0.1", { HTTPS_PROXY: "ftp://u:secret@proxy" }), (error: Error) => {
    assert.match(error.message, /^HTTPS_PROXY does not name a proxy: expected a URL such as http:/);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
});

Deno.test("checkedProxy refuses text that is not a proxy's URL, and describeProxy hides the login", () => {
  for (const url of ["", "proxy", "http://", "ftp://proxy:21", "https:"]) {
    assert.throws(() => checkedProxy(url, "proxy-url"), /^RangeError: proxy-url does not name a proxy/);
  }
  const proxy = { url: "http://user:secret@proxy:3128", from: "HTTPS_PROXY" };
  assert.equal(describeProxy(proxy), "the proxy http://proxy:3128 of HTTPS_PROXY");
});
