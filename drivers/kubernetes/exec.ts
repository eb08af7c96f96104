/**
 * Credentials from a program: `exec` of a kubeconfig, as EKS, GKE, AKS and OIDC logins use it. For commands only.
 *
 * The protocol is `client.authentication.k8s.io` (v1 or v1beta1; Kubernetes documentation, "client-go credential plugins"). The
 * implementation in the client library is not used: it gives the program neither `KUBERNETES_EXEC_INFO` nor a terminal, and never ends it.
 *
 * @module
 */
import type { RefusedError } from "../../src/storage/driver.ts";
import { messageOf } from "../../src/values/errors.ts";
import { isObject, parseJson } from "../../src/values/json.ts";
import type { World } from "../../src/world/world.ts";
import { refused } from "./kubeconfig.ts";
import type { Access } from "./transport.ts";

/** Milliseconds for a program without a terminal. An interactive one has no timeout. */
const TIMEOUT = 60_000;
/** Max bytes that a program may print. */
const LIMIT = 1024 * 1024;
/** A credential counts as expired so many milliseconds before its expiry. */
const MARGIN = 10_000;
/** Supported versions of the protocol. */
const VERSIONS = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

type Credentials = Pick<Access, "token" | "certificate">;

interface Cached {
  readonly credentials: Promise<Credentials>;
  expires: number;
}

/** A command reads its kubeconfig several times, but needs only one login. */
const cache = new Map<string, Cached>();

/**
 * Runs the program of a kubeconfig's user, unless its last credentials are still valid. Its standard error goes to ours.
 *
 * @throws {RefusedError} it cannot be started, fails, or prints no credentials
 */
export async function execCredentials(exec: unknown, access: Access, world: Pick<World, "now">): Promise<Credentials> {
  const key = JSON.stringify([exec, access.server, access.source]);
  const known = cache.get(key);
  if (known && known.expires > world.now()) return await known.credentials;
  const fresh: Cached = { credentials: Promise.resolve({}), expires: Number.POSITIVE_INFINITY };
  const credentials = run(readSpec(exec, access.source), access).then(({ expires, ...rest }) => {
    fresh.expires = expires - MARGIN;
    return rest;
  });
  cache.set(key, Object.assign(fresh, { credentials }));
  credentials.catch(() => cache.delete(key));
  return await credentials;
}

interface Spec {
  readonly version: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly hint: string;
  readonly mode: string;
  readonly providesCluster: boolean;
}

function readSpec(exec: unknown, source: string): Spec {
  const spec = object(exec);
  const version = text(spec.apiVersion);
  const command = text(spec.command);
  if (command === "") throw unusable(source, "has no command");
  if (!VERSIONS.includes(version)) {
    throw unusable(source, `has an unknown apiVersion, expected ${VERSIONS.join(" or ")}`);
  }
  const env = list(spec.env).map(object).map(({ name, value }) => [text(name), text(value)]);
  return {
    version,
    command,
    args: list(spec.args).map(text),
    env: Object.fromEntries(env.filter(([name]) => name !== "")),
    hint: text(spec.installHint),
    mode: text(spec.interactiveMode) || "IfAvailable",
    providesCluster: spec.provideClusterInfo === true,
  };
}

async function run(spec: Spec, access: Access): Promise<Credentials & { readonly expires: number }> {
  const { source } = access;
  const terminal = Deno.stdin.isTerminal();
  if (spec.mode === "Always" && !terminal) {
    throw unusable(source, `requires a terminal (interactiveMode Always), and standard input is not one`);
  }
  const interactive = terminal && spec.mode !== "Never";
  const info = { apiVersion: spec.version, kind: "ExecCredential", spec: { interactive, ...clusterOf(spec, access) } };
  const { code, stdout } = await start(spec, source, interactive, {
    KUBERNETES_EXEC_INFO: JSON.stringify(info),
    ...spec.env,
  });
  if (code !== 0) throw unusable(source, `failed: ${spec.command} ended with exit code ${code}`);
  return readCredential(stdout, spec, source);
}

async function start(spec: Spec, source: string, interactive: boolean, env: Record<string, string>) {
  try {
    const signal = interactive ? undefined : AbortSignal.timeout(TIMEOUT);
    const child = new Deno.Command(spec.command, {
      args: [...spec.args],
      env,
      stdin: interactive ? "inherit" : "null",
      stdout: "piped",
      stderr: "inherit",
      ...(signal && { signal }),
    }).spawn();
    return await child.output();
  } catch (error) {
    const hint = spec.hint === "" ? "" : `; ${spec.hint}`;
    const missing = error instanceof Deno.errors.NotFound
      ? "program not found"
      : error instanceof Error
      ? error.message
      : "";
    throw unusable(source, `cannot be started: ${spec.command}: ${missing}${hint}`);
  }
}

function clusterOf({ providesCluster }: Spec, { server, serverName, ca, insecure }: Access) {
  if (!providesCluster) return {};
  return {
    cluster: {
      server,
      ...(serverName !== undefined && { "tls-server-name": serverName }),
      ...(insecure && { "insecure-skip-tls-verify": true }),
      ...(ca !== undefined && { "certificate-authority-data": new TextEncoder().encode(ca).toBase64() }),
    },
  };
}

function readCredential(
  stdout: Uint8Array,
  { command, version }: Spec,
  source: string,
): Credentials & { readonly expires: number } {
  if (stdout.length > LIMIT) throw unusable(source, `printed more than ${LIMIT} bytes: ${command}`);
  let credential: Readonly<Record<string, unknown>>;
  try {
    credential = object(parseJson(new TextDecoder().decode(stdout)));
  } catch (error) {
    throw unusable(source, `printed no ExecCredential: ${command}: ${messageOf(error)}`);
  }
  if (credential.kind !== "ExecCredential" || credential.apiVersion !== version) {
    throw unusable(source, `printed no ExecCredential of ${version}: ${command}`);
  }
  const status = object(credential.status);
  const [token, cert, key] = [text(status.token), text(status.clientCertificateData), text(status.clientKeyData)];
  if ((cert === "") !== (key === "") || (token === "" && cert === "")) {
    throw unusable(source, `printed neither a token nor a client certificate with its key: ${command}`);
  }
  const expires = Date.parse(text(status.expirationTimestamp));
  return {
    ...(token !== "" && { token }),
    ...(cert !== "" && { certificate: { cert, key } }),
    expires: Number.isNaN(expires) ? Number.POSITIVE_INFINITY : expires,
  };
}

function unusable(source: string, why: string): RefusedError {
  return refused(source, `the exec program of its user ${why}`);
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
