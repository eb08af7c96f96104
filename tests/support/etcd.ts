/**
 * Throwaway etcd servers on loopback: plain, with TLS and client certificates, with passwords.
 *
 * @module
 */
import { assets } from "./assets.ts";
import { eventually, freePort, must, run, Server } from "./process.ts";

/** What a test server asks of its clients. */
export interface EtcdOptions {
  /** TLS with client certificates. The server's certificate names `localhost` and 127.0.0.1. */
  readonly tls?: boolean;
  /** Logins on: root with this password. */
  readonly password?: string;
}

/** A running etcd. */
export class EtcdServer implements AsyncDisposable {
  /** Files live here: `ca.crt`, `client.crt`, `client.key` with TLS. */
  readonly folder: string;
  /** `http://127.0.0.1:PORT`, or `https://localhost:PORT`. */
  readonly url: string;
  readonly #options: EtcdOptions;
  readonly #peer = freePort();
  #server: Server | undefined;

  private constructor(folder: string, options: EtcdOptions) {
    this.folder = folder;
    this.#options = options;
    this.url = options.tls ? `https://localhost:${freePort()}` : `http://127.0.0.1:${freePort()}`;
  }

  /** Starts one. */
  static async start(options: EtcdOptions = {}): Promise<EtcdServer> {
    const etcd = new EtcdServer(await Deno.makeTempDir({ prefix: "etcd-" }), options);
    if (options.tls) await writeCertificates(etcd.folder);
    await etcd.resume();
    if (options.password) {
      await etcd.ctl("user", "add", `root:${options.password}`);
      await etcd.ctl("user", "grant-role", "root", "root");
      await etcd.ctl("auth", "enable");
    }
    return etcd;
  }

  /** Starts it again on its data. */
  async resume(): Promise<void> {
    const { folder, url } = this;
    const tls = this.#options.tls
      ? [
        `--cert-file=${folder}/server.crt`,
        `--key-file=${folder}/server.key`,
        `--trusted-ca-file=${folder}/ca.crt`,
        "--client-cert-auth",
      ]
      : [];
    const listen = url.replace("localhost", "127.0.0.1");
    const peer = `http://127.0.0.1:${this.#peer}`;
    this.#server = new Server([
      `${await assets("controlPlane")}/etcd`,
      `--data-dir=${folder}/data`,
      `--listen-client-urls=${listen}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      ...tls,
    ], `${folder}/etcd.log`);
    await eventually("etcd", async () => {
      const certificates = this.#options.tls ? this.#certificates("--") : [];
      return (await run(["curl", "-sf", ...certificates, `${url}/health`])).code === 0;
    });
  }

  /** Ends it at once. */
  async stop(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    this.#server = undefined;
  }

  /** Runs etcdctl's v3 call through the JSON gateway of the server: only what tests need. */
  async ctl(...args: string[]): Promise<string> {
    const { password } = this.#options;
    const certificates = this.#options.tls ? this.#certificates("--") : [];
    const [command, body] = gatewayCall(args);
    const post = (path: string, json: unknown, headers: string[] = []) =>
      must(["curl", "-sf", ...certificates, ...headers, "-d", JSON.stringify(json), `${this.url}/v3/${path}`]);
    const login = password && command.startsWith("kv/");
    if (!login) return await post(command, body);
    const { token } = JSON.parse(await post("auth/authenticate", { name: "root", password }));
    return await post(command, body, ["-H", `Authorization: ${token}`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.folder, { recursive: true });
  }

  #certificates(dashes: string): string[] {
    const f = this.folder;
    return [`${dashes}cacert`, `${f}/ca.crt`, `${dashes}cert`, `${f}/client.crt`, `${dashes}key`, `${f}/client.key`];
  }
}

function gatewayCall([verb = "", ...rest]: string[]): [string, unknown] {
  const [a = "", b = "", c = ""] = rest;
  switch (`${verb} ${a}`.trim()) {
    case "user add": {
      const [name, password] = b.split(":");
      return ["auth/user/add", { name, password }];
    }
    case "user grant-role":
      return ["auth/user/grant", { user: b, role: c }];
    case "auth enable":
      return ["auth/enable", {}];
  }
  if (verb === "put") return ["kv/put", { key: btoa(a), value: btoa(b) }];
  if (verb === "get") return ["kv/range", { key: btoa(a) }];
  throw new Error(`Unknown call ${verb}`);
}

async function writeCertificates(folder: string): Promise<void> {
  const openssl = (...args: string[]) => must(["openssl", ...args], { cwd: folder });
  const rsa = ["-newkey", "rsa:2048", "-nodes"];
  await openssl("req", "-x509", ...rsa, "-subj", "/CN=test-ca", "-days", "30", "-keyout", "ca.key", "-out", "ca.crt");
  const names = { server: "subjectAltName=DNS:localhost,IP:127.0.0.1\n", client: "extendedKeyUsage=clientAuth\n" };
  for (const [name, extensions] of Object.entries(names)) {
    await Deno.writeTextFile(`${folder}/${name}.ext`, extensions);
    await openssl("req", ...rsa, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    const ca = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30"];
    await openssl("x509", "-req", "-in", `${name}.csr`, ...ca, "-extfile", `${name}.ext`, "-out", `${name}.crt`);
  }
}
