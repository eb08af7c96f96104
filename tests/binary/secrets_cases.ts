/**
 * Configurations with a secret in each place that can hold one: valid configurations, and invalid ones of every kind.
 *
 * @module
 */
import { type Kube, kubeconfigOf } from "../support/kube.ts";
import type { Machine } from "../support/machine.ts";
import type { Secrets } from "../support/secrets.ts";

/** Folder of the cases' files, which networks may name. */
export const FOLDER = "/etc/cni/net.d";

/** Servers that the secrets give access to. */
export interface Servers {
  readonly kube: Kube;
  /** A token that the API server accepts. */
  readonly token: string;
  /** `HOST:PORT` of an HTTP proxy. */
  readonly proxy: string;
  /** URL of an etcd with logins, and its password. */
  readonly etcd: { readonly url: string; readonly password: string };
  /** URL of a server whose answers repeat the request. */
  readonly echo: string;
}

/** A network, and how the plugin is called for it. */
export interface Network {
  readonly name: string;
  /** Members of `ipam`. */
  readonly ipam: Readonly<Record<string, unknown>>;
  /** Its ADD succeeds. */
  readonly works?: true;
  /** Its store does not answer: its calls wait until their deadline. */
  readonly waits?: true;
  /** Environment variables of the process. */
  readonly env?: Readonly<Record<string, string>>;
}

type Members = Readonly<Record<string, unknown>>;

/** Writes the files of the cases on a machine. */
export class Files {
  /** Paths of every kubeconfig. */
  readonly kubeconfigs: string[] = [];
  readonly #machine: Machine;
  readonly #kube: Kube;

  constructor(machine: Machine, kube: Kube) {
    this.#machine = machine;
    this.#kube = kube;
  }

  /** Writes a file, and returns its path on the machine. */
  write(name: string, text: string, mode = 0o600): string {
    Deno.writeTextFileSync(this.#machine.path(`${FOLDER}/${name}`), text, { mode });
    return `${FOLDER}/${name}`;
  }

  /** Writes a kubeconfig with a user, and optionally with other members of the cluster. */
  kubeconfig(name: string, user: Members, cluster: Members = {}): string {
    const config = kubeconfigOf(this.#kube, {}, this.#kube.namespace);
    const ca = { "certificate-authority-data": btoa(Deno.readTextFileSync(`${this.#kube.folder}/ca.crt`)) };
    const access = { server: this.#kube.url, ...("certificate-authority" in cluster ? {} : ca), ...cluster };
    const text = { ...config, clusters: [{ name: "local", cluster: access }], users: [{ name: "whereabouts", user }] };
    const path = this.write(`${name}.kubeconfig`, JSON.stringify(text));
    this.kubeconfigs.push(path);
    return path;
  }
}

type Bad = readonly (readonly [name: string, user: Members, cluster?: Members])[];

function admin(kube: Kube, name: string): string {
  return Deno.readTextFileSync(`${kube.folder}/admin.${name}`);
}

function pair(kube: Kube, key: string): Members {
  return { "client-certificate-data": btoa(admin(kube, "crt")), "client-key-data": key };
}

/** Users whose credentials the plugin cannot use. */
function badUsers(files: Files, plant: (place: string) => string, { kube, token }: Servers): Bad {
  return [
    ["unknown token", { token: plant("unknown token") }],
    ["token with blanks", { token: `${plant("token with blanks")} and more` }],
    ["tokenFile", { tokenFile: files.write("token", plant("tokenFile")) }],
    ["key not base64", pair(kube, `%${plant("key not base64")}%`)],
    ["key no PEM", pair(kube, btoa(plant("key no PEM")))],
    ["key damaged", pair(kube, btoa(admin(kube, "key").replace(/\n.{40}/, `\n${plant("key damaged")}`)))],
    ["certificate file", {
      "client-certificate": files.write("c", plant("certificate file")),
      "client-key": files.write("k", plant("key file")),
    }],
    ["basic login", { username: plant("username of basic login"), password: plant("basic login") }],
    ["auth-provider", { "auth-provider": { name: "oidc", config: { "id-token": plant("auth-provider") } } }],
    ["exec", {
      exec: {
        apiVersion: "client.authentication.k8s.io/v1",
        command: files.write("login", `#!/bin/sh\necho '${credential(token)}'\n`, 0o755),
        args: [plant("argument of exec")],
        env: [{ name: "LOGIN", value: plant("environment of exec") }],
      },
    }],
    ["exec that fails", {
      exec: execOf(files.write("fails", `#!/bin/sh\necho ${plant("output of exec")}; exit 3\n`, 0o755)),
    }],
    ["exec that prints another text", {
      exec: execOf(files.write("text", `#!/bin/sh\necho '{"token": ${plant("text of exec")}'\n`, 0o755)),
    }],
    ["exec with an unknown token", {
      exec: execOf(files.write("strange", `#!/bin/sh\necho '${credential(plant("token of exec"))}'\n`, 0o755)),
    }],
  ];
}

/** Clusters that the plugin cannot reach. */
function badClusters(files: Files, plant: (place: string) => string, { kube, token, proxy, echo }: Servers): Bad {
  const named = kube.url.replace("127.0.0.1", "kubernetes");
  const port = new URL(kube.url).port;
  return [
    ["login in server", { token }, { server: `https://u:${plant("login in server")}@127.0.0.1:${port}` }],
    ["login in server of another scheme", { token }, { server: `ftp://u:${plant("server, ftp")}@127.0.0.1:${port}` }],
    ["login in server that is no URL", { token }, { server: `https://u:${plant("server, no URL")}@h:9999999` }],
    ["login in server without a scheme", { token }, { server: `u:${plant("server, no scheme")}@127.0.0.1` }],
    ["proxy-url", { token }, { server: named, "proxy-url": `http://u:${plant("proxy-url")}@${proxy}` }],
    ["proxy-url of another scheme", { token }, { "proxy-url": `ftp://u:${plant("proxy-url, ftp")}@h` }],
    ["proxy-url that is no URL", { token }, { "proxy-url": `http://u:${plant("proxy-url, no URL")}@h:9999999` }],
    ["authority", { token }, { "certificate-authority": files.write("ca", plant("authority")) }],
    ...["status", "page", "json", "error", "object"].map((kind) =>
      [`server that answers with a ${kind}`, { token: plant(`token to ${kind}`) }, {
        server: `${echo}/${kind}`,
      }] as const
    ),
  ];
}

/** Networks with kubeconfigs, valid and invalid. */
function kubeconfigs(files: Files, secrets: Secrets, servers: Servers): Network[] {
  const { kube, token, proxy } = servers;
  const plant = (place: string) => secrets.plant(place);
  const named = kube.url.replace("127.0.0.1", "kubernetes");
  return [
    { name: "token", ipam: { kubernetes: { kubeconfig: files.kubeconfig("good", { token }) } }, works: true },
    {
      name: "client key",
      ipam: { kubernetes: { kubeconfig: files.kubeconfig("key", pair(kube, btoa(admin(kube, "key")))) } },
      works: true,
    },
    {
      name: "HTTPS_PROXY",
      ipam: { kubernetes: { kubeconfig: files.kubeconfig("proxied", { token }, { server: named }) } },
      env: { HTTPS_PROXY: `http://u:${secrets.plant("HTTPS_PROXY")}@${proxy}` },
      works: true,
    },
    ...["ftp://u:PASSWORD@h", "http://u:PASSWORD@h:9999999", "http://u:PASSWORD@127.0.0.1:1"].map((url, i) => ({
      name: `HTTPS_PROXY ${i}`,
      ipam: { kubernetes: { kubeconfig: files.kubeconfig(`proxied-${i}`, { token }, { server: named }) } },
      env: { HTTPS_PROXY: url.replace("PASSWORD", secrets.plant(`HTTPS_PROXY ${i}`)) },
      ...(i > 0 && { waits: true as const }),
    })),
    ...[...badUsers(files, plant, servers), ...badClusters(files, plant, servers)].map(([name, user, cluster], i) => ({
      name,
      ipam: { kubernetes: { kubeconfig: files.kubeconfig(`bad-${i}`, user, cluster) } },
      ...(/answers with a (page|json|error)/.test(name) && { waits: true as const }),
    })),
  ];
}

function execOf(command: string) {
  return { apiVersion: "client.authentication.k8s.io/v1", command };
}

function credential(token: string): string {
  return JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: { token } });
}

/** Networks with etcd. */
function etcds(files: Files, secrets: Secrets, { etcd }: Servers): Network[] {
  const { url: etcd_host, password } = etcd;
  const wrong = (place: string) => ({ etcd_host, etcd_username: "root", etcd_password: secrets.plant(place) });
  return [
    { name: "etcd", ipam: { etcd_host, etcd_username: "root", etcd_password: password }, works: true },
    { name: "etcd, wrong password", ipam: wrong("etcd_password, wrong") },
    {
      name: "etcd, other case",
      ipam: { etcd_host, etcd_username: "root", ETCD_Password: secrets.plant("ETCD_Password") },
    },
    { name: "etcd, misspelt", ipam: { ...wrong("etcd_password"), etcd_pasword: secrets.plant("etcd_pasword") } },
    {
      name: "etcd, unknown user",
      ipam: { ...wrong("etcd_password of nobody"), etcd_username: secrets.plant("etcd_username") },
    },
    {
      name: "etcd, list",
      ipam: { etcd_host, etcd_username: "root", etcd_password: [secrets.plant("etcd_password, list")] },
    },
    {
      name: "etcd, other type",
      ipam: { etcd_host, etcd_username: [], etcd_password: secrets.plant("etcd_password, types") },
    },
    ...["http://u:PASSWORD@h:1", "ftp://u:PASSWORD@h:1", "u:PASSWORD@h:9999999", "u:PASSWORD@"].map((host, i) => ({
      name: `etcd, login in host ${i}`,
      ipam: { etcd_host: host.replace("PASSWORD", secrets.plant(`etcd_host ${i}`)) },
    })),
    { name: "etcd, nobody", ipam: { ...wrong("etcd_password to nobody"), etcd_host: "127.0.0.1:1" }, waits: true },
    {
      name: "etcd, misspelt, nobody",
      ipam: { etcd_host: "127.0.0.1:1", etcd_pasword: secrets.plant("etcd_pasword to nobody") },
      waits: true,
    },
    {
      name: "etcd, key",
      ipam: {
        etcd_host: "https://localhost:1",
        etcd_cert_file: files.write("e.crt", secrets.plant("etcd_cert_file")),
        etcd_key_file: files.write("e.key", secrets.plant("etcd_key_file")),
      },
    },
    {
      name: "etcd, authority",
      ipam: {
        etcd_host: "https://localhost:1",
        etcd_ca_cert_file: files.write("e.ca", secrets.plant("etcd_ca_cert_file")),
      },
    },
  ];
}

/** Files that a network names. */
function named(files: Files, secrets: Secrets, { etcd }: Servers): Network[] {
  const contents: readonly string[] = [
    "root:PASSWORD:1::",
    'a: b\nx: {password: "PASSWORD"\n',
    '{"etcd_password": "PASSWORD", ',
    '{"etcd_password": PASSWORD}',
    '{"kubernetes": "PASSWORD"}',
    '{"name": "other", "type": "calico", "policy": {"k8s_auth_token": "PASSWORD"}}',
    '["PASSWORD"]',
  ];
  return [
    ...contents.flatMap((content, i) => {
      const path = files.write(`file-${i}`, content.replace("PASSWORD", secrets.plant(`file ${i}`)));
      return [
        {
          name: `configuration_path ${i}`,
          ipam: { configuration_path: path, datastore: "kubernetes", range: undefined },
        },
        { name: `kubeconfig ${i}`, ipam: { kubernetes: { kubeconfig: path } } },
        { name: `authority ${i}`, ipam: { etcd_host: "https://localhost:1", etcd_ca_cert_file: path } },
      ];
    }),
    {
      name: "configuration_path with a login",
      ipam: {
        configuration_path: files.write(
          "etcd.conf",
          JSON.stringify({ etcd_host: etcd.url, etcd_username: "root", etcd_password: etcd.password }),
        ),
      },
      works: true,
    },
  ];
}

/** All networks, each with its own range. */
export function makeNetworks(files: Files, secrets: Secrets, servers: Servers): readonly Network[] {
  const all = [
    ...kubeconfigs(files, secrets, servers),
    ...etcds(files, secrets, servers),
    ...named(files, secrets, servers),
  ];
  return all.map((network, i) => ({
    ...network,
    ipam: {
      type: "whereabouts",
      range: `10.${i}.0.0/24`,
      log_level: "debug",
      log_file: "/var/log/w.log",
      ...network.ipam,
    },
  }));
}
