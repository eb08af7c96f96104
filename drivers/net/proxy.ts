/**
 * Selects the HTTP proxy for a server by the rules of Go's `golang.org/x/net/http/httpproxy`, which kubectl and the Go original use.
 *
 * Loopback servers are reached directly. `HTTPS_PROXY` (or `https_proxy`) applies to https servers, `HTTP_PROXY` (or `http_proxy`) to http
 * servers, `NO_PROXY` (or `no_proxy`) to both; `ALL_PROXY` is ignored. The upper-case variable takes precedence.
 *
 * @module
 */
import { contains, parseCidr } from "../../src/address/cidr.ts";
import { type Ip, parseIp, sameIp } from "../../src/address/ip.ts";

/** A proxy for requests. */
export interface Proxy {
  /** Its URL, with its port and, if it has one, its login. */
  readonly url: string;
  /** The setting that names it, for messages. */
  readonly from: string;
}

/** Returns an environment variable; undefined if unset. */
export type Env = (name: string) => string | undefined;

/** Schemes of proxies, with their default ports. */
const PORTS: Readonly<Record<string, string>> = {
  "http:": "80",
  "https:": "443",
  "socks5:": "1080",
  "socks5h:": "1080",
};

/**
 * The proxy that the environment names for a server; undefined if the server is reached directly.
 *
 * @param server its URL, http or https
 * @throws {RangeError} the variable names a proxy of an unknown scheme
 */
export function proxyFromEnvironment(server: string, env: Env): Proxy | undefined {
  const variable = server.startsWith("https:") ? "HTTPS_PROXY" : "HTTP_PROXY";
  const from = [variable, variable.toLowerCase()].find((name) => env(name));
  if (from === undefined || !isProxied(new URL(server), env("NO_PROXY") || env("no_proxy") || "")) return undefined;
  if (variable === "HTTP_PROXY" && env("REQUEST_METHOD")) return undefined; // in a CGI script, a header of the request may have set it
  const proxy = parseProxy(env(from) ?? "");
  return proxy === undefined ? undefined : { url: checkedProxy(proxy, from), from };
}

/**
 * Completes a proxy's URL with its port.
 *
 * @param from the setting that names it, for messages
 * @throws {RangeError} it is not the URL of a supported proxy
 */
export function checkedProxy(url: string, from: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const port = parsed && PORTS[parsed.protocol];
  if (!parsed?.hostname || port === undefined) {
    throw new RangeError(
      `${from} does not name a proxy: expected a URL such as http://proxy.example:3128 (or https, socks5)`,
    );
  }
  const login = parsed.username === "" ? "" : `${parsed.username}${parsed.password && `:${parsed.password}`}@`;
  return `${parsed.protocol}//${login}${parsed.hostname}:${parsed.port || port}`;
}

/** `the proxy http://proxy.example:3128 of HTTPS_PROXY`, without its login. */
export function describeProxy({ url, from }: Proxy): string {
  const { protocol, host } = new URL(url);
  return `the proxy ${protocol}//${host} of ${from}`;
}

/** Text without a scheme is the address of an http proxy. Text that is not an address is ignored, as in Go. */
function parseProxy(text: string): string | undefined {
  for (const url of [text, `http://${text}`]) {
    if (URL.canParse(url) && new URL(url).host !== "") return url;
  }
}

/** Whether `NO_PROXY` and the server's own address allow a proxy. */
function isProxied(server: URL, noProxy: string): boolean {
  const host = server.hostname.replace(/^\[/, "").replace(/\]$/, "").toLowerCase();
  const port = server.port || (server.protocol === "https:" ? "443" : "80");
  const ip = parseIp(host);
  if (host === "localhost" || (ip && isLoopback(ip))) return false;
  return !noProxy.split(",").some((entry) => isExempt(entry.trim().toLowerCase(), { host, port, ip }));
}

/** 127.0.0.0/8 or ::1. */
function isLoopback({ family, value }: Ip): boolean {
  return family === 4 ? value >> 24n === 127n : value === 1n;
}

interface Target {
  readonly host: string;
  readonly port: string;
  readonly ip: Ip | undefined;
}

/** Whether an entry of `NO_PROXY` matches the server: `*`, a network, an address or a domain, the last two with or without a port. */
function isExempt(entry: string, { host, port, ip }: Target): boolean {
  if (entry === "*") return true;
  const network = entry.includes("/") ? parseCidr(entry) : undefined;
  if (network) return ip !== undefined && contains(network.cidr, ip);
  const [named, namedPort] = splitPort(entry);
  if (named === "" || (namedPort !== "" && namedPort !== port)) return false;
  const address = parseIp(named);
  if (address) return ip !== undefined && sameIp(address, ip);
  const domain = named.startsWith("*.") ? named.slice(1) : named;
  return domain.startsWith(".") ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

/** As in Go's `net.SplitHostPort`: without exactly one port, the whole entry is the host. */
function splitPort(entry: string): [host: string, port: string] {
  const bracket = entry.startsWith("[") ? entry.indexOf("]") : -1;
  if (bracket > 0) {
    const rest = entry.slice(bracket + 1);
    return rest.startsWith(":") ? [entry.slice(1, bracket), rest.slice(1)] : [entry, ""];
  }
  const colon = entry.indexOf(":");
  return colon >= 0 && colon === entry.lastIndexOf(":") ? [entry.slice(0, colon), entry.slice(colon + 1)] : [entry, ""];
}
