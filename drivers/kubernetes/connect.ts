/**
 * Selects the transport to an API server: `fetch`, or `node:https` if `fetch` does not support the settings.
 *
 * @module
 */
import { RefusedError } from "../../src/storage/driver.ts";
import { messageOf } from "../../src/values/errors.ts";
import { faultOf, isVersionOne, readableCertificates } from "../net/certificates.ts";
import { type Access, ANSWER_LIMIT, readText, type Transport } from "./transport.ts";

/**
 * Creates a transport. Opens no connection.
 *
 * @throws {RefusedError} the client certificate or the CA certificates are invalid; the message names the kubeconfig
 */
export function connect(access: Access): Transport {
  const { server, insecure, serverName, certificate, source } = access;
  if (server.startsWith("http:")) return fetchTransport({ source, ...(access.proxy && { proxy: access.proxy }) });
  const fault = certificate && faultOf(certificate);
  if (fault !== undefined && !isVersionOne(fault)) throw refused(source, `its ${fault}`);
  if (!insecure && serverName === undefined && fault === undefined) return fetchTransport(access);
  const trusted = { ...access, ...(access.ca !== undefined && { ca: readable(access.ca, source).join("") }) };
  const note = fault === undefined ? undefined : `its ${fault}, which this release of the runtime cannot use`;
  return lazily(() => import("./node_https.ts").then((module) => module.nodeTransport(trusted, note)));
}

type ClientOptions = Pick<Access, "ca" | "certificate" | "proxy" | "source">;

function fetchTransport(options: ClientOptions): Transport {
  const client = makeClient(options);
  return {
    send: async (url, init, limit = ANSWER_LIMIT) => {
      const response = await fetch(url, { ...init, client });
      return { status: response.status, headers: response.headers, text: await textOf(response, limit) };
    },
    stream: async (url, init) => {
      const { status, headers, body } = await fetch(url, { ...init, client });
      return { status, headers, body: body ?? new Blob().stream() };
    },
    [Symbol.dispose]: () => client.close(),
  };
}

function makeClient({ ca, certificate, proxy, source }: ClientOptions): Deno.HttpClient {
  const make = (caCerts: readonly string[]) =>
    Deno.createHttpClient({
      // With HTTP/2, bodies of more than some 700 bytes wait 40 ms for an acknowledgement in Deno 2.7 to 2.9 (Nagle's algorithm).
      http2: false,
      ...(caCerts.length > 0 && { caCerts: [...caCerts] }),
      ...certificate,
      ...(proxy && { proxy: { url: proxy.url } }),
    });
  return withoutProxyVariables(() => {
    if (ca === undefined) return make([]);
    try {
      if (ca.includes("-----BEGIN CERTIFICATE-----")) return make([ca]);
    } catch {
      // a certificate of the bundle is unreadable: it is skipped below
    }
    return make(readable(ca, source));
  });
}

/**
 * Deno reads these variables by its own rules whenever it creates a client, and applies `NO_PROXY` even to an explicit proxy. The proxy is
 * already decided (`drivers/net/proxy.ts`), so the variables are unset while a client is created.
 */
const PROXY_VARIABLES = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"].flatMap((
  name,
) => [name, name.toLowerCase()]);

function withoutProxyVariables<T>(work: () => T): T {
  const set = PROXY_VARIABLES.flatMap((name): [string, string][] => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  for (const [name] of set) Deno.env.delete(name);
  try {
    return work();
  } finally {
    for (const [name, value] of set) Deno.env.set(name, value);
  }
}

function readable(ca: string, source: string): readonly string[] {
  try {
    return readableCertificates(ca);
  } catch (error) {
    const why = messageOf(error).replace(/^Has /, "has ");
    throw refused(source, `its certificate-authority ${why}`);
  }
}

function refused(source: string, why: string): RefusedError {
  return new RefusedError(`Cannot use the kubeconfig ${JSON.stringify(source)}: ${why}`);
}

/** `response.text()` is faster, but has no limit, so it reads only bodies whose `content-length` is within the limit. */
async function textOf(response: Response, limit: number): Promise<string> {
  const length = response.headers.get("content-length");
  if (length !== null && Number(length) <= limit && !response.headers.has("content-encoding")) {
    return await response.text();
  }
  return response.body ? await readText(response.body, limit) : "";
}

/** Loads a transport on first use. */
function lazily(load: () => Promise<Transport>): Transport {
  let loaded: Promise<Transport> | undefined;
  const get = () => loaded ??= load();
  return {
    send: async (url, init, limit) => (await get()).send(url, init, limit),
    stream: async (url, init) => (await get()).stream(url, init),
    [Symbol.dispose]: () => void loaded?.then((transport) => transport[Symbol.dispose](), () => {}),
  };
}
