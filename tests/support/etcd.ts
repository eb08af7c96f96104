/**
 * Throwaway etcd servers on loopback: plain, with TLS and client certificates, with passwords.
 *
 * @module
 */
import { assets } from "./assets.ts";
import { writeAuthority, writeCertificate } from "./certificates.ts";
import { answers, freePort, Server } from "./process.ts";

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
    try {
      if (options.tls) await writeCertificates(etcd.folder);
      await etcd.resume();
      if (options.password) {
        await etcd.ctl("user", "add", `root:${options.password}`);
        await etcd.ctl("user", "grant-role", "root", "root");
        await etcd.ctl("auth", "enable");
      }
      return etcd;
    } catch (error) {
      await etcd[Symbol.asyncDispose]();
      throw error;
    }
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
      `${await assets("etcd")}/etcd`,
      `--data-dir=${folder}/data`,
      `--listen-client-urls=${listen}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      ...tls,
    ], `${folder}/etcd.log`);
    using client = this.#client();
    await this.#server.ready("etcd", () => answers(`${url}/health`, client));
  }

  /** Ends it at once. */
  async stop(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    this.#server = undefined;
  }

  /** Runs etcdctl's v3 call through the JSON gateway of the server: only what tests need. */
  async ctl(...args: string[]): Promise<string> {
    const { password } = this.#options;
    const [command, body] = gatewayCall(args);
    using client = this.#client();
    const post = async (path: string, json: unknown, headers: HeadersInit = {}) => {
      const request = { method: "POST", headers, body: JSON.stringify(json), client };
      const response = await fetch(`${this.url}/v3/${path}`, request);
      const text = await response.text();
      if (!response.ok) throw new Error(`etcd answered ${path} with ${response.status}: ${text}`);
      return text;
    };
    const login = password && command.startsWith("kv/");
    if (!login) return await post(command, body);
    const { token } = JSON.parse(await post("auth/authenticate", { name: "root", password }));
    return await post(command, body, { Authorization: token });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.folder, { recursive: true });
  }

  #client(): Deno.HttpClient {
    if (!this.#options.tls) return Deno.createHttpClient({});
    const [ca = "", cert = "", key = ""] = ["ca.crt", "client.crt", "client.key"].map((name) =>
      Deno.readTextFileSync(`${this.folder}/${name}`)
    );
    return Deno.createHttpClient({ caCerts: [ca], cert, key });
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
  if (verb === "dump") return ["kv/range", { key: btoa("\0"), range_end: btoa("\0") }]; // all keys; names and values are in base64
  if (verb === "get") return ["kv/range", { key: btoa(a) }];
  throw new Error(`Unknown call ${verb}`);
}

async function writeCertificates(folder: string): Promise<void> {
  await writeAuthority(folder);
  await writeCertificate(folder, "server", "/CN=server", "subjectAltName=DNS:localhost,IP:127.0.0.1");
  await writeCertificate(folder, "client", "/CN=client", "extendedKeyUsage=clientAuth");
}
