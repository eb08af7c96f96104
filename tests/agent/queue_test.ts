import assert from "node:assert/strict";
import type { AgentCall } from "../../src/agent/client.ts";
import { DEFAULT_SOCKET } from "../../src/agent/protocol.ts";
import { serveCall, turnName } from "../../src/agent/queue.ts";
import { type MemoryWorld, memoryWorld, type MemoryWorldOptions } from "../support/world.ts";
import { answering } from "./callers.ts";

const QUEUE = `${DEFAULT_SOCKET}.queue`;
const TURN = turnName({ socket: QUEUE } as AgentCall);
const by = (stdout: string) => ({ stdout, exitCode: 0 });
const listener = (stdout: string) => answering({ stdout });

interface Asked extends MemoryWorldOptions {
  readonly verb?: string;
  readonly conf?: string;
  /** Somebody is at work. */
  readonly busy?: boolean;
  /** A stand-in cannot, and whether it fails. */
  readonly cannot?: "declines" | "fails";
}

/** Who serves a call. */
async function servedBy({ verb = "ADD", conf = "{}", busy = false, cannot, ...options }: Asked) {
  const world: MemoryWorld = memoryWorld({ ...options, env: { CNI_COMMAND: verb, ...options.env } });
  if (busy) assert.ok(world.tryLock(TURN));
  const seen: { alone?: boolean; stoodIn?: string } = {};
  const direct = () => {
    seen.alone = world.tryLock(TURN) === undefined;
    return Promise.resolve(by("direct"));
  };
  const standIn = ({ socket }: AgentCall) => {
    seen.stoodIn = socket;
    if (cannot === "fails") return Promise.reject(new Error("it cannot listen"));
    return Promise.resolve(cannot ? undefined : by("stand-in"));
  };
  const { stdout } = await serveCall(world, new TextEncoder().encode(conf), { direct, standIn });
  return { stdout, ...seen };
}

Deno.test("serveCall asks the agent first, then whoever stands in for it", async () => {
  const sockets = { [DEFAULT_SOCKET]: listener("agent"), [QUEUE]: listener("queue") };
  assert.deepEqual(await servedBy({ sockets }), { stdout: "agent" });
  assert.deepEqual(await servedBy({ sockets: { [QUEUE]: listener("queue") } }), { stdout: "queue" });
  const env = { WHEREABOUTS_AGENT_SOCKET: "/x.sock" };
  assert.deepEqual(await servedBy({ sockets: { "/x.sock.queue": listener("x") }, env }), { stdout: "x" });
});

Deno.test("serveCall serves a call alone where nobody is at work, and is at work then", async () => {
  assert.deepEqual(await servedBy({}), { stdout: "direct", alone: true });
  assert.deepEqual(await servedBy({ verb: "DEL" }), { stdout: "direct", alone: true });
});

Deno.test("serveCall stands in for the agent where another call is at work, and serves itself where it cannot", async () => {
  assert.deepEqual(await servedBy({ busy: true }), { stdout: "stand-in", stoodIn: QUEUE });
  for (const cannot of ["declines", "fails"] as const) {
    assert.deepEqual(await servedBy({ busy: true, cannot }), { stdout: "direct", stoodIn: QUEUE, alone: true });
  }
});

Deno.test("serveCall lets what comes one by one, the embedded store, and calls without an agent be", async () => {
  const alone = { stdout: "direct", alone: false };
  const sockets = { [QUEUE]: listener("queue") };
  for (const verb of ["CHECK", "GC", "STATUS", "VERSION", "ADDED"]) {
    assert.deepEqual(await servedBy({ verb, sockets }), alone);
  }
  for (const ipam of [{ datastore: "embedded" }, { database: "/db" }]) {
    assert.deepEqual(await servedBy({ conf: JSON.stringify({ ipam }, undefined, 1), sockets }), alone);
  }
});

Deno.test("serveCall serves itself where whoever stood in died: every verb can be repeated", async () => {
  const died = () => Promise.reject(new Error("it closed without an answer"));
  assert.deepEqual(await servedBy({ sockets: { [QUEUE]: died } }), { stdout: "direct", alone: true });
});
