/**
 * The etcd client: its setup, and the meaning of its errors.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { isIP } from "node:net";
import type { Datastore } from "../../src/config/types.ts";
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { withoutSecrets } from "../../src/values/redact.ts";
import type { World } from "../../src/world/world.ts";
import { type ClientCertificate, faultOf, isVersionOne, readableCertificates } from "../net/certificates.ts";
import { type Etcd3, type IOptions, loadLibrary } from "./library.ts";
import { messageOf } from "../../src/values/errors.ts";

/** The settings of an etcd store. */
export type EtcdSettings = Extract<Datastore, { kind: "etcd" }>;

/** Milliseconds for a connection, as in the original. */
const DIAL_TIMEOUT = 2_000;
/** Milliseconds for a call, as long as an attempt of the store may take. */
const CALL_TIMEOUT = 10_000;

/** Final errors, by their class names in the library. */
const REFUSALS =
  /Auth|Permission|Unauthenticated|UserNotFound|RoleNot|InvalidArgument|FailedPrecondition|NotImplemented|ExhastedError/;

/**
 * Creates a client. It connects at the first call. The library's own retries and circuit breakers are off: retries are decided in one place
 * for all stores.
 *
 * @throws {RefusedError} a certificate file is unreadable or invalid
 */
export async function connect(settings: EtcdSettings, world: World): Promise<Etcd3> {
  const credentials = await readCredentials(settings, world);
  const { hosts, serverName, username, password } = settings;
  refuseAddressWithTls(settings);
  const { Etcd3, noop } = await loadLibrary();
  const options: IOptions = {
    hosts: [...hosts],
    dialTimeout: DIAL_TIMEOUT,
    defaultCallOptions: ({ isStream }) => isStream ? {} : { deadline: Date.now() + CALL_TIMEOUT },
    faultHandling: { host: () => noop, global: noop },
    ...(credentials && { credentials }),
    ...(username && { auth: { username, password: password ?? "" } }),
    grpcOptions: {
      // The library has its own rules for proxies (lower-case variables, also for loopback servers), so etcd is always reached directly.
      "grpc.enable_http_proxy": 0,
      ...(serverName && { "grpc.ssl_target_name_override": serverName }),
    },
  };
  return new Etcd3(options);
}

async function readCredentials(
  { caFile, certFile, keyFile }: EtcdSettings,
  world: World,
): Promise<IOptions["credentials"]> {
  if (!caFile && !certFile) return undefined;
  const read = (field: string, path: string) =>
    world.readTextFile(path, "credential").catch((error) => {
      throw new RefusedError(`Cannot read ipam.${field} ${JSON.stringify(path)}: ${error.message}`, { cause: error });
    });
  const ca = caFile && trusted(await read("etcd_ca_cert_file", caFile), caFile);
  const client = certFile && keyFile
    ? checked({ cert: await read("etcd_cert_file", certFile), key: await read("etcd_key_file", keyFile) }, certFile)
    : undefined;
  return {
    ...(client && { certChain: Buffer.from(client.cert), privateKey: Buffer.from(client.key) }),
    ...(ca && { rootCertificate: Buffer.from(ca) }),
  } as NonNullable<IOptions["credentials"]>;
}

function trusted(ca: string, path: string): string {
  try {
    return readableCertificates(ca).join("");
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Has /, "it has ") : "";
    throw new RefusedError(`Cannot use ipam.etcd_ca_cert_file ${JSON.stringify(path)}: ${why}`);
  }
}

function checked(client: ClientCertificate, path: string): ClientCertificate {
  const fault = faultOf(client);
  if (fault === undefined || isVersionOne(fault)) return client;
  throw new RefusedError(
    `Cannot use ipam.etcd_cert_file ${JSON.stringify(path)} with ipam.etcd_key_file: its ${fault}`,
  );
}

/** The runtime's TLS does not accept an address as a server's name, so a host that is an address needs `serverName`. */
function refuseAddressWithTls({ hosts, serverName }: EtcdSettings): void {
  if (serverName) return;
  for (const host of hosts) {
    const url = URL.canParse(host) ? new URL(host) : undefined;
    if (url?.protocol !== "https:" || !isIP(url.hostname.replace(/^\[|\]$/g, ""))) continue;
    throw new RefusedError(
      `Cannot verify etcd at ${host} by its address: set ipam.etcd_server_name to a DNS name in its certificate, or use that name in etcd_host`,
    );
  }
}

/** Max characters of an error message that are read and shown: the server may send any number. */
const MAX_MESSAGE = 1_000;

/** The gRPC library ends its messages with this even if no note follows. */
const NOTE = "Resolution note:";

function withoutNote(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed.endsWith(NOTE) ? trimmed.slice(0, -NOTE.length).trimEnd() : trimmed;
}

/** Converts an error of the library to one of the driver contract. */
export function toStoreError(error: unknown, settings: EtcdSettings): Error {
  const name = error instanceof Error ? error.constructor.name : "";
  const text = messageOf(error);
  const message = withoutNote(withoutSecrets(text, [settings.password]).slice(0, MAX_MESSAGE));
  const where = settings.hosts.join(", ");
  if (REFUSALS.test(name) || /authentication|permission denied|user name is empty/.test(message)) {
    const who = settings.username ? "the login of etcd_username" : "a client without login";
    return new RefusedError(`etcd at ${where} refuses ${who}: ${message}`, { cause: error });
  }
  return new UnavailableError(`Cannot reach etcd at ${where}: ${message}`, { cause: error });
}
