import assert from "node:assert/strict";
import { type KubeconfigChoice, readAccess } from "../../../drivers/kubernetes/access.ts";
import type { Access } from "../../../drivers/kubernetes/transport.ts";
import { RefusedError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import type { World } from "../../../src/world/world.ts";

const PATH = "/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig";
const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const SERVER = "https://10.96.0.1:443";

interface Parts {
  readonly cluster?: Record<string, unknown>;
  readonly user?: Record<string, unknown>;
  readonly context?: Record<string, unknown>;
  readonly config?: Record<string, unknown>;
}

function kubeconfig({ cluster, user, context, config }: Parts): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "other", cluster: {} }, { name: "local", cluster: { server: SERVER, ...cluster } }],
    users: [{ name: "whereabouts", user: { token: "secret", ...user } }],
    contexts: [{ name: "c", context: { cluster: "local", user: "whereabouts", ...context } }],
    "current-context": "c",
    ...config,
  });
}

function world(files: Record<string, string>, env: Record<string, string> = {}): World {
  return {
    ...denoWorld(),
    env: (name) => env[name],
    readTextFile: (path) => {
      const text = files[path];
      return text === undefined ? Promise.reject(new Deno.errors.NotFound(path)) : Promise.resolve(text);
    },
  };
}

function read(parts: Parts, files: Record<string, string> = {}, choice: KubeconfigChoice = {}): Promise<Access> {
  return readAccess(world({ [PATH]: kubeconfig(parts), ...files }), { kubeconfig: PATH, ...choice });
}

async function refusal(access: Promise<Access>): Promise<string> {
  const error = await access.then(() => undefined, (error) => error);
  assert(error instanceof RefusedError, String(error));
  return error.message;
}

Deno.test("readAccess reads the current context, and defaults to the namespace kube-system", async () => {
  const access: Access = { server: SERVER, namespace: "kube-system", token: "secret", insecure: false, source: PATH };
  assert.deepEqual(await read({}), access);
  assert.deepEqual(await read({ context: { namespace: "" } }), access);
  assert.deepEqual(await read({ context: { namespace: "net" } }), { ...access, namespace: "net" });
  assert.equal(
    (await read({ cluster: { server: `${SERVER}/k8s/clusters/c-1/` } })).server,
    `${SERVER}/k8s/clusters/c-1`,
  );
});

Deno.test("readAccess reads the YAML that the original's installer writes", async () => {
  const text = `# Kubeconfig file for Multus CNI plugin.
apiVersion: v1
kind: Config
clusters:
- name: local
  cluster:
    server: https://[fd00:10:96::1]:443
    certificate-authority-data: ${btoa("PEM")}
users:
- name: whereabouts
  user:
    token: "secret"
contexts:
- name: whereabouts-context
  context:
    cluster: local
    user: whereabouts
    namespace: kube-system
current-context: whereabouts-context
`;
  assert.deepEqual(await readAccess(world({ [PATH]: text }), { kubeconfig: PATH }), {
    server: "https://[fd00:10:96::1]:443",
    namespace: "kube-system",
    ca: "PEM",
    token: "secret",
    insecure: false,
    source: PATH,
  });
});

Deno.test("readAccess prefers data to files, and finds files relative to the kubeconfig", async () => {
  const folder = "/etc/cni/net.d/whereabouts.d";
  const files = { [`${folder}/pki/ca.crt`]: "file", "/abs/cert.pem": "cert", [`${folder}/key.pem`]: "key" };
  const user = { token: "", "client-certificate": "/abs/cert.pem", "client-key": "./key.pem" };
  const byFile = await read({ cluster: { "certificate-authority": "pki/ca.crt" }, user }, files);
  assert.deepEqual([byFile.ca, byFile.certificate, byFile.token], ["file", { cert: "cert", key: "key" }, undefined]);
  const data = { "certificate-authority": "pki/ca.crt", "certificate-authority-data": btoa("data") };
  assert.equal((await read({ cluster: data }, files)).ca, "data");
});

Deno.test("readAccess prefers the token file to the token", async () => {
  const access = await read({ user: { token: "old", tokenFile: "token" } }, {
    "/etc/cni/net.d/whereabouts.d/token": "fresh\n",
  });
  assert.equal(access.token, "fresh");
});

Deno.test("readAccess reads the name in the server's certificate", async () => {
  const { server, serverName } = await read({ cluster: { "tls-server-name": "kubernetes" } });
  assert.deepEqual([server, serverName], [SERVER, "kubernetes"]);
  assert.equal((await read({ cluster: { "tls-server-name": "" } })).serverName, undefined);
});

Deno.test("readAccess ignores the CA if the server's certificate is not verified", async () => {
  const access = await read({ cluster: { "insecure-skip-tls-verify": true, "certificate-authority": "missing" } });
  assert.deepEqual([access.insecure, access.ca], [true, undefined]);
});

Deno.test("readAccess names the fault of a kubeconfig", async () => {
  const table: [Parts, RegExp][] = [
    [{ config: { "current-context": "" } }, /has no current-context/],
    [{ config: { "current-context": 5 } }, /has no current-context/],
    [{ config: { "current-context": "x" } }, /has no context named "x"/],
    [{ config: { contexts: "c" } }, /has no context named "c"/],
    [{ context: { cluster: "gone" } }, /has no cluster named "gone"/],
    [{ context: { user: "gone" } }, /has no user named "gone"/],
    [{ cluster: { server: "" } }, /server "", expected a URL such as/],
    [{ cluster: { server: "localhost:8080" } }, /server "localhost:8080", expected a URL/],
    [{ cluster: { server: 7 } }, /server 7, expected a URL/],
    [{ cluster: { "proxy-url": "http://proxy" } }, /cluster sets "proxy-url", which nodes do not support/],
    [
      { user: { exec: { command: "aws" } } },
      /user sets "exec", which only commands support; the node starts no programs: use a token/,
    ],
    [{ user: { "auth-provider": { name: "gcp" } } }, /user sets "auth-provider"/],
    [{ user: { as: "admin" } }, /user sets "as"/],
    [{ user: { username: "u", password: "p" } }, /user sets "username"/],
    [{ user: { token: "a b" } }, /the token of its user/],
    [{ user: { tokenFile: "nowhere" } }, /cannot read its tokenFile "[^"]*\/nowhere": file not found/],
    [{ cluster: { "certificate-authority": "nowhere" } }, /cannot read its certificate-authority/],
    [{ cluster: { "certificate-authority-data": "%" } }, /certificate-authority-data is not base64/],
    [{ user: { "client-certificate-data": btoa("x") } }, /client-certificate but no client-key/],
    [{ user: { "client-key-data": btoa("x") } }, /client-key but no client-certificate/],
  ];
  for (const [parts, expected] of table) {
    const message = await refusal(read(parts));
    assert.match(message, expected);
    assert(message.startsWith(`Cannot use the kubeconfig "${PATH}": `), message);
    assert(!message.includes("secret"), message);
  }
});

Deno.test("readAccess refuses files that are missing, half written or not kubeconfigs", async () => {
  assert.match(await refusal(readAccess(world({}), { kubeconfig: PATH })), /: file not found$/);
  for (
    const [text, expected] of [["", /no object/], ["hello", /no object/], ["[]", /no object/], [
      "{",
      /neither JSON nor YAML/,
    ]] as const
  ) {
    assert.match(await refusal(readAccess(world({ [PATH]: text }), { kubeconfig: PATH })), expected);
  }
});

Deno.test("readAccess finds the service account of its pod", async () => {
  const files = { [`${ACCOUNT}/ca.crt`]: "PEM", [`${ACCOUNT}/token`]: "secret\n", [`${ACCOUNT}/namespace`]: "net\n" };
  const env = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
  const access: Access = {
    server: SERVER,
    namespace: "net",
    ca: "PEM",
    token: "secret",
    insecure: false,
    source: ACCOUNT,
  };
  assert.deepEqual(await readAccess(world(files, env), {}), access);
  const v6 = await readAccess(world(files, { ...env, KUBERNETES_SERVICE_HOST: "fd00::1" }), {});
  assert.equal(v6.server, "https://[fd00::1]:443");
  const named = await readAccess(world(files, { ...env, WHEREABOUTS_NAMESPACE: "kube-net" }), {});
  assert.equal(named.namespace, "kube-net");
  const { [`${ACCOUNT}/namespace`]: _, ...bare } = files;
  assert.equal((await readAccess(world(bare, env), {})).namespace, "kube-system");
  assert.match(await refusal(readAccess(world(files), {})), /does not run in a pod/);
  assert.match(await refusal(readAccess(world({}, env), {})), /serviceaccount/);
});

Deno.test("readAccess supports what OPERATIONS documents for each kind of process", async () => {
  const document = await Deno.readTextFile(new URL("../../../docs/OPERATIONS.md", import.meta.url));
  const rows = document.split("\n").filter((line) => /\| (yes|no) +\|$/.test(line)).map((line) =>
    line.split("|").map((cell) => cell.trim())
  );
  const parts: Readonly<Record<string, Parts>> = {
    token: {},
    tokenFile: { user: { tokenFile: "/token" } },
    "tls-server-name": { cluster: { "tls-server-name": "kubernetes" } },
    "insecure-skip-tls-verify": { cluster: { "insecure-skip-tls-verify": true } },
    "proxy-url": { cluster: { "proxy-url": "http://proxy:3128" } },
    "auth-provider": { user: { "auth-provider": { name: "gcp" } } },
    username: { user: { username: "u", password: "p" } },
    as: { user: { as: "admin" } },
  };
  let seen = 0;
  for (const [, members = "", ...answers] of rows) {
    for (const [, member = ""] of members.matchAll(/`([a-z-]+)`/gi)) {
      const of = parts[member];
      if (!of) continue;
      for (const [i, client] of (["node", "controller", "command"] as const).entries()) {
        const works: string = await read(of, { "/token": "t" }, { client }).then(() => "yes", () => "no");
        assert.equal(works, answers[i], `${member} of a ${client}`);
        seen++;
      }
    }
  }
  assert.equal(seen, Object.keys(parts).length * 3);
});
