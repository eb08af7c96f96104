/**
 * A hostile API server: its answers are valid, nearly valid, or garbage.
 *
 * @module
 */
import { type Chance, mutate, pick } from "./mutate.ts";

const GROUP = "whereabouts.cni.cncf.io/v1alpha1";

/** Stored objects, like real ones. */
function stored(path: string, chance: Chance): unknown {
  const entry = { id: "c1", podref: "default/p1", ifname: "net1" };
  const metadata = { name: "10.0.0.0-24", namespace: "kube-system", resourceVersion: "7", uid: "u" };
  const pool = {
    apiVersion: GROUP,
    kind: "IPPool",
    metadata,
    spec: { range: "10.0.0.0/24", allocations: { "1": entry, "2": entry } },
  };
  const reservation = {
    apiVersion: GROUP,
    kind: "OverlappingRangeIPReservation",
    metadata: { ...metadata, name: "10.0.0.1" },
    spec: { podref: "default/p1", ifname: "net1", containerid: "c1" },
  };
  const slices = {
    apiVersion: GROUP,
    kind: "NodeSlicePool",
    metadata: { ...metadata, name: "net" },
    spec: { range: "10.0.0.0/24", sliceSize: "/26" },
    status: { allocations: [{ nodeName: "n1", sliceRange: "10.0.0.0/26" }] },
  };
  const pod = {
    kind: "Pod",
    metadata: {
      name: "p1",
      namespace: "default",
      uid: "u",
      annotations: { "k8s.v1.cni.cncf.io/network-status": '[{"name":"net","ips":["10.0.0.1"]}]' },
    },
    spec: { nodeName: "n1" },
    status: { phase: "Running" },
  };
  const attachment = {
    metadata: { ...metadata, name: "net" },
    spec: { config: '{"type":"x","ipam":{"type":"whereabouts","range":"10.0.0.0/24"}}' },
  };
  const one = path.includes("ippools")
    ? pool
    : path.includes("reservations")
    ? reservation
    : path.includes("nodeslicepools")
    ? slices
    : path.includes("network-attachment")
    ? attachment
    : path.includes("/nodes")
    ? { metadata: { name: "n1" } }
    : pod;
  const isList = /\?.*limit=/.test(path) || /s(\?|$)/.test(path);
  return isList ? { kind: "List", metadata: { resourceVersion: "9" }, items: chance() < 0.3 ? [] : [one, one] } : one;
}

/** The body of a refusal, like a real Status. */
function refusal(status: number): unknown {
  return {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    code: status,
    reason: "x",
    message: "refused",
    details: { name: "n", kind: "ippools", causes: [], retryAfterSeconds: 1 },
  };
}

const PAGE = "<html>internal page</html>";

/** The bytes of one answer. */
function answer(path: string, chance: Chance): string {
  const status = pick(
    chance,
    200,
    200,
    200,
    200,
    201,
    204,
    302,
    400,
    401,
    403,
    404,
    404,
    409,
    410,
    422,
    429,
    500,
    503,
    999,
    600,
  );
  const document = status < 300 ? stored(path, chance) : refusal(status);
  const json = JSON.stringify(mutate(document, chance, pick(chance, 0, 0.05, 0.2)));
  const body = pick(
    chance,
    json,
    json,
    json,
    json,
    json,
    json,
    json.slice(0, json.length / 2),
    "",
    "null",
    PAGE,
    " ".repeat(200_000) + json,
    "[".repeat(20_000),
  );
  const type = pick(
    chance,
    "application/json",
    "application/json",
    "text/html",
    "application/vnd.kubernetes.protobuf",
    "",
  );
  const length = pick(chance, body.length, body.length, body.length, body.length, body.length + 10, 0, -1);
  const headers = [
    `content-type: ${type}`,
    ...(chance() < 0.9 ? [`content-length: ${new TextEncoder().encode(body).length + length - body.length}`] : []),
    ...(chance() < 0.05 ? ["content-encoding: gzip"] : []),
    ...(chance() < 0.1 ? [`retry-after: ${pick(chance, "1", "-5", "never", "1e9")}`] : []),
    ...(chance() < 0.02 ? [`location: http://127.0.0.1:1/${"x".repeat(5_000)}`] : []),
    "connection: close",
  ];
  const head = pick(chance, "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/9.9", "ICY");
  return `${head} ${status} ${pick(chance, "OK", "", "x".repeat(300))}\r\n${headers.join("\r\n")}\r\n\r\n${body}`;
}

/** Starts a server. */
export function hostileServer(chance: Chance): { readonly url: string } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async (connection: Deno.TcpConn) => {
    try {
      const buffer = new Uint8Array(65_536);
      const count = await connection.read(buffer) ?? 0;
      const [, path = "/"] = new TextDecoder().decode(buffer.subarray(0, count)).split(" ", 2);
      if (chance() < 0.02) return;
      const data = new TextEncoder().encode(answer(path, chance));
      for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
    } catch {
      // the client has disconnected
    } finally {
      connection.close();
    }
  };
  const work: Promise<void>[] = [];
  const serving = (async () => {
    for await (const connection of listener) work.push(serve(connection));
    await Promise.all(work);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await serving;
    },
  };
}
