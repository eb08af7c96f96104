import assert from "node:assert/strict";
import { ApiServer } from "../../../drivers/kubernetes/api_server.ts";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import { type KubeconfigChoice, readAccess } from "../../../drivers/kubernetes/access.ts";
import { connect } from "../../../drivers/kubernetes/connect.ts";
import { RefusedError, UnavailableError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import type { World } from "../../../src/world/world.ts";
import { writeVersionOne } from "../../support/certificates.ts";
import { ForwardProxy } from "../../support/forward_proxy.ts";
import { type Kube, makeKube } from "../../support/kube.ts";
import { freePort } from "../../support/process.ts";
import { Relay } from "../../support/relay.ts";
import { NEVER, openAs, writeKubeconfig } from "./live.ts";

const POOLS = { verb: "list", resource: "ippools" } as const;

/** Cluster entries that select each of the two transports. */
const WAYS: Readonly<Record<string, Record<string, unknown>>> = {
  "fetch": {},
  "node:https, not verified": { "insecure-skip-tls-verify": true, "certificate-authority": undefined },
  "node:https, by another name": { "tls-server-name": "kubernetes" },
};

function worldWith(env: Record<string, string>): World {
  return { ...denoWorld(), env: (name) => env[name] };
}

async function open(
  kube: Kube,
  cluster: Record<string, unknown>,
  choice: KubeconfigChoice = {},
  env = {},
): Promise<ApiServer> {
  const kubeconfig = await writeKubeconfig(kube, { token: kube.token }, cluster);
  return await ApiServer.open(worldWith(env), { kubeconfig, ...choice });
}

Deno.test("connect uses the proxy of the environment or of the kubeconfig, with both transports", async () => {
  await using kube = await makeKube();
  await using proxy = new ForwardProxy();
  const { port } = new URL(kube.url);
  const server = `https://kubernetes:${port}`; // a name that only the proxy can resolve
  const environment = { HTTPS_PROXY: `http://user:p%40ss@${proxy.host}`, NO_PROXY: "10.0.0.0/8" };
  for (const [way, cluster] of Object.entries(WAYS)) {
    const byKubeconfig = { ...cluster, server, "proxy-url": `http://${proxy.host}` };
    const named = () => open(kube, byKubeconfig, { client: "controller" });
    const set = () => open(kube, { ...cluster, server }, {}, environment);
    for (const [open, login] of [[named, ""], [set, " as user:p@ss"]] as const) {
      proxy.requests.length = 0;
      using one = await open();
      using other = await open();
      assert.equal((await one.request<{ kind: string }>(POOLS, NEVER))?.kind, "IPPoolList", way);
      assert.match(await new Response(await other.stream(POOLS, NEVER)).text(), /"IPPoolList"/, way);
      assert.deepEqual(proxy.requests, Array(2).fill(`CONNECT kubernetes:${port}${login}`), way);
    }
  }
  for (const [way, cluster] of Object.entries(WAYS)) {
    const members = { ...cluster, server, "proxy-url": `http://${proxy.host}` };
    const path = await writeKubeconfig(kube, { token: kube.token }, members);
    await using opened = await openCluster(denoWorld(), { kubeconfig: path, client: "controller" });
    proxy.requests.length = 0;
    assert.equal(await opened.lease(kube.namespace, "none").read(NEVER), undefined, way);
    assert.deepEqual(proxy.requests, [`CONNECT kubernetes:${port}`], `the lease over ${way}`);
  }
  proxy.requests.length = 0;
  const loopback = { server: kube.url, "proxy-url": `http://${proxy.host}` };
  using proxied = await open(kube, loopback, { client: "command" });
  await proxied.request(POOLS, NEVER);
  assert.equal(proxy.requests.length, 1, "as in Go, the proxy of a kubeconfig applies to loopback servers too");
});

Deno.test("connect reaches a loopback server directly, whatever proxy the environment names", async () => {
  await using kube = await makeKube();
  await using proxy = new ForwardProxy();
  const dead = `http://127.0.0.1:${freePort()}`;
  const variables = { HTTPS_PROXY: dead, https_proxy: dead, ALL_PROXY: dead, NO_PROXY: "kubernetes" };
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  try {
    for (const [way, cluster] of Object.entries(WAYS)) {
      using api = await ApiServer.open(denoWorld(), {
        kubeconfig: await writeKubeconfig(kube, { token: kube.token }, cluster),
      });
      assert(await api.request(POOLS, NEVER), way);
      assert(await new Response(await api.stream(POOLS, NEVER)).text(), way);
    }
    const server = `https://kubernetes:${new URL(kube.url).port}`;
    using api = await open(kube, { server, "proxy-url": `http://${proxy.host}` }, { client: "command" });
    await api.request(POOLS, NEVER); // NO_PROXY does not apply to the proxy of a kubeconfig
    for (const [name, value] of Object.entries(variables)) assert.equal(Deno.env.get(name), value);
  } finally {
    for (const name of Object.keys(variables)) Deno.env.delete(name);
  }
});

Deno.test("connect names the proxy that does not answer, and refuses one that the transport does not support", async () => {
  await using kube = await makeKube();
  const dead = `127.0.0.1:${freePort()}`;
  for (const [way, cluster] of Object.entries(WAYS)) {
    using api = await open(kube, { ...cluster, server: "https://kubernetes:6443" }, {}, {
      HTTPS_PROXY: `http://me:secret@${dead}`,
    });
    await assert.rejects(api.request(POOLS, NEVER), (error) => {
      assert(error instanceof UnavailableError, `${way}: ${error}`);
      assert.match(
        error.message,
        new RegExp(
          `^Cannot reach the API server https://kubernetes:6443 through the proxy http://${dead} of HTTPS_PROXY to list IPPools`,
        ),
      );
      assert.doesNotMatch(`${error.message} ${error.cause}`, /secret/);
      return true;
    });
  }
  using insecure = await open(kube, { ...WAYS["node:https, not verified"], server: "https://kubernetes:6443" }, {}, {
    HTTPS_PROXY: `socks5://${dead}`,
  });
  await assert.rejects(
    insecure.request(POOLS, NEVER),
    /only through an http proxy, but HTTPS_PROXY names one of socks5$/,
  );
});

Deno.test("connect watches with both transports, and rejects if the connection breaks or the signal aborts", async () => {
  await using kube = await makeKube();
  for (const [way, cluster] of Object.entries(WAYS)) {
    await using relay = new Relay(kube.url);
    const kubeconfig = await writeKubeconfig(kube, { token: kube.token }, { ...cluster, server: relay.url });
    await using opened = await openCluster(denoWorld(), { kubeconfig });
    const { version } = await opened.pods.list(NEVER);
    const events = opened.pods.watch(version, NEVER)[Symbol.asyncIterator]();
    const first = events.next();
    await kube.kubectl("run", `pod-${Object.keys(WAYS).indexOf(way)}`, "--image=x");
    for (let { value } = await first;; ({ value } = await events.next())) {
      if (value?.kind === "put" && value.item.podRef.startsWith(`${kube.namespace}/`)) break;
    }
    relay.cut();
    await assert.rejects(
      async () => {
        for (;;) if ((await events.next()).done) return;
      },
      UnavailableError,
      way,
    );
    const stop = new AbortController();
    const watching = (async () => {
      for await (const _ of opened.pods.watch(version, stop.signal));
    })();
    stop.abort(new Error("Enough"));
    await assert.rejects(watching, /^Error: Enough$/, way);
  }
});

/** A server that answers every request with a head, and then repeats the chunk without end. */
function endless(head: string, chunk: Uint8Array): { readonly url: string } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async (connection: Deno.TcpConn) => {
    await connection.read(new Uint8Array(65_536));
    await connection.write(new TextEncoder().encode(head));
    for (;;) await connection.write(chunk);
  };
  (async () => {
    for await (const connection of listener) {
      serve(connection).catch(() => {}).finally(() => connection.close());
    }
  })();
  return { url: `http://127.0.0.1:${listener.addr.port}`, [Symbol.dispose]: () => listener.close() };
}

Deno.test("connect reads no more of an answer than the limit, compressed or not", async () => {
  const megabyte = new Uint8Array(1024 * 1024).fill(32);
  const packed = new Uint8Array(
    await new Response(new Blob([megabyte]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer(),
  );
  const chunked = (data: Uint8Array) => {
    const [start, end] = [
      new TextEncoder().encode(`${data.length.toString(16)}\r\n`),
      new TextEncoder().encode("\r\n"),
    ];
    return new Uint8Array([...start, ...data, ...end]);
  };
  const cases: [string, Uint8Array][] = [
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunked(megabyte)],
    ["HTTP/1.0 200 OK\r\n\r\n", megabyte],
    [`HTTP/1.1 200 OK\r\ncontent-length: ${2 ** 40}\r\n\r\n`, megabyte],
    [`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${packed.length}\r\n\r\n`, packed],
  ];
  for (const [head, chunk] of cases) {
    using server = endless(head, chunk);
    using transport = connect({ server: server.url, namespace: "n", insecure: false, source: "k" });
    await assert.rejects(
      transport.send(server.url, {}, 100_000),
      /^UnavailableError: The answer has more than 100000 bytes$/,
    );
  }
});

Deno.test("connect uses a client certificate of version 1 if the runtime supports it, and names it otherwise", async () => {
  await using kube = await makeKube();
  await writeVersionOne(kube.folder);
  const user = { "client-certificate": `${kube.folder}/version1.crt`, "client-key": `${kube.folder}/version1.key` };
  await using driver = await openAs(kube, user);
  await driver.status(NEVER).catch((error) => {
    assert(error instanceof RefusedError);
    assert.match(
      error.message,
      /^Cannot use the kubeconfig ".*": its client-certificate is of X\.509 version 1, .*; issue a certificate of version 3/,
    );
  });
  const mixed = { ...user, "client-certificate": `${kube.folder}/admin.crt` };
  for (const [way, cluster] of Object.entries(WAYS)) {
    await using refused = await openAs(kube, mixed, cluster);
    await assert.rejects(refused.status(NEVER), /^RefusedError: Cannot use the kubeconfig ".*": its client-/, way);
  }
});

Deno.test("connect skips unreadable certificates of a bundle, with both transports, and refuses a bundle without readable ones", async () => {
  await using kube = await makeKube();
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const ca = await Deno.readTextFile(`${kube.folder}/ca.crt`);
  const byName = WAYS["node:https, by another name"] ?? {};
  for (const cluster of [{}, byName]) {
    const bundle = `text\r\n${broken}${(await Deno.readTextFile("/etc/ssl/certs/ca-certificates.crt"))}${
      ca.replaceAll("\n", "\r\n")
    }`;
    using api = await open(kube, {
      ...cluster,
      "certificate-authority": undefined,
      "certificate-authority-data": btoa(bundle),
    });
    assert(await api.request(POOLS, NEVER));
    for (const data of ["text", broken, "\u0000\u00ff"]) {
      using none = await open(kube, {
        ...cluster,
        "certificate-authority": undefined,
        "certificate-authority-data": btoa(data),
      });
      await assert.rejects(
        none.request(POOLS, NEVER),
        /^RefusedError: Cannot use the kubeconfig ".*": its certificate-authority has no (?:readable )?certificate/,
      );
    }
  }
  const leaf = await open(kube, { "certificate-authority": `${kube.folder}/server.crt` });
  using _leaf = leaf;
  await assert.rejects(
    leaf.request(POOLS, NEVER),
    /^RefusedError: Cannot trust the API server .*; certificate-authority must hold/,
  );
});

Deno.test("readAccess selects a context by its name", async () => {
  await using kube = await makeKube();
  const kubeconfig = await writeKubeconfig(kube, { token: kube.token });
  const access = await readAccess(denoWorld(), { kubeconfig, context: "whereabouts-context" });
  assert.equal(access.namespace, kube.namespace);
  await assert.rejects(readAccess(denoWorld(), { kubeconfig, context: "other" }), /has no context named "other"$/);
  await assert.rejects(readAccess(worldWith({}), { context: "other" }), /no kubeconfig is named/);
});
