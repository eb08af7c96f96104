import assert from "node:assert/strict";
import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import fc from "fast-check";
import { readAccess } from "../../../drivers/kubernetes/access.ts";
import { memoryWorld } from "../../support/world.ts";

/** Two typical files: one with the cluster and the contexts, one with the user. */
const FILES = {
  "/home/clusters/config": JSON.stringify({
    "current-context": "lab",
    clusters: [{ name: "lab", cluster: { server: "https://10.0.0.1:6443", "certificate-authority": "ca.crt" } }],
    contexts: [{ name: "lab", context: { cluster: "lab", user: "me", namespace: "net" } }],
  }),
  "/home/clusters/ca.crt": "CA",
  "/home/me/config": `
current-context: other
clusters:
- name: lab
  cluster: {server: "https://10.9.9.9:6443"}
users:
- name: me
  user: {tokenFile: token}
contexts: null
`,
  "/home/me/token": "secret\n",
};

Deno.test("readAccess merges listed kubeconfigs: the first value counts, and paths are relative to their own file", async () => {
  const world = memoryWorld({ files: FILES });
  const { server, namespace, ca, token } = await readAccess(world, {
    kubeconfig: "/home/clusters/config:/home/me/config",
  });
  assert.deepEqual([server, namespace, ca, token], ["https://10.0.0.1:6443", "net", "CA", "secret"]);
});

Deno.test("readAccess names a missing file of a list, and a context that all of its files lack", async () => {
  const world = memoryWorld({ files: FILES });
  await assert.rejects(
    readAccess(world, { kubeconfig: "/home/me/config:/nowhere" }),
    /"\/nowhere": file not found/,
  );
  await assert.rejects(
    readAccess(world, { kubeconfig: "/home/me/config:/home/me/config" }),
    /no context named "other"/,
  );
});

const names = fc.constantFrom("a", "b", "c");
const text = fc.constantFrom("one", "two", "three");
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const cluster = fc.record({
  server: fc.constantFrom("https://10.0.0.1:6443", "https://[fd00::1]", "https://api.example/k8s/"),
  "certificate-authority-data": maybe(text.map(btoa)),
  "insecure-skip-tls-verify": maybe(fc.boolean()),
  "tls-server-name": maybe(fc.constantFrom("kubernetes", "api.example")),
  "proxy-url": maybe(fc.constantFrom("http://proxy:3128", "socks5://proxy:1080")),
});
const user = fc.record({
  token: maybe(text),
  certificate: maybe(text),
}).map(({ token, certificate }) => ({
  ...(token && { token }),
  ...(certificate && { "client-certificate-data": btoa(certificate), "client-key-data": btoa(`${certificate} key`) }),
}));
const context = fc.record({ cluster: names, user: names, namespace: maybe(fc.constantFrom("net", "default")) });
const list = <T>(item: fc.Arbitrary<T>, member: string) =>
  fc.uniqueArray(fc.tuple(names, item), { selector: ([name]) => name, minLength: 2 })
    .map((items) => items.map(([name, one]) => ({ name, [member]: one })));
const kubeconfigs = fc.record({
  clusters: list(cluster, "cluster"),
  users: list(user, "user"),
  contexts: list(context, "context"),
  "current-context": names,
});

/** A kubeconfig as the client library reads it; undefined if it finds no cluster or user. */
async function byLibrary(text: string, context: string | undefined) {
  const config = new KubeConfig();
  config.loadFromString(text);
  if (context !== undefined) config.setCurrentContext(context);
  const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()];
  if (!cluster || !user) return undefined;
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const of = (value: unknown) => value === undefined ? undefined : String(value);
  return {
    server: cluster.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? "kube-system",
    ca: cluster.skipTLSVerify ? undefined : of(options.ca),
    cert: of(options.cert),
    key: of(options.key),
    authorization: (options.headers as Record<string, string>).Authorization,
    insecure: options.rejectUnauthorized === false,
    serverName: of(options.servername),
    proxy: cluster.proxyUrl,
  };
}

Deno.test("readAccess reads every kubeconfig as the client library does", async () => {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(kubeconfigs, maybe(names), async (config, context) => {
      const text = JSON.stringify(config);
      const expected = await byLibrary(text, context);
      const world = memoryWorld({ files: { "/config": text } });
      const reading = readAccess(world, { kubeconfig: "/config", client: "controller", context });
      if (!expected) return await assert.rejects(reading, /has no (context|cluster|user) named/);
      const { server, namespace, ca, certificate, token, insecure, serverName, proxy } = await reading;
      read++;
      assert.deepEqual({
        server,
        namespace,
        ca,
        cert: certificate?.cert,
        key: certificate?.key,
        authorization: token && `Bearer ${token}`,
        insecure,
        serverName,
        proxy: proxy?.url,
      }, expected);
    }),
  );
  assert(read > 10, `only ${read} of 100 kubeconfigs could be read`);
});
