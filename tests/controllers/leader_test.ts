import assert from "node:assert/strict";
import { LEASE_SECONDS, type LeaseState, type LeaseStore } from "../../src/controllers/cluster.ts";
import { elect, ElectionHealth } from "../../src/controllers/leader.ts";
import { ConflictError } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";

/** The server's side of a Lease. */
class LeaseServer {
  state: LeaseState | undefined;
  /** The outcome of a request: an Error is returned, "lose" writes and loses the answer, "hang" never answers. */
  fate: (who: string, verb: "read" | "write") => "pass" | "lose" | "hang" | Error = () => "pass";
  #version = 0;

  of(who: string): LeaseStore {
    const through = async <T>(verb: "read" | "write", work: () => T, signal: AbortSignal): Promise<T> => {
      const fate = this.fate(who, verb);
      if (fate === "hang") {
        return await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }
      if (fate instanceof Error) throw fate;
      const result = work();
      if (fate === "lose") throw new Error("lost");
      return result;
    };
    return {
      read: (signal) => through("read", () => this.state, signal),
      write: (holder, last, signal) =>
        through("write", () => {
          if (this.state?.version !== last?.version) throw new ConflictError("changed");
          return this.state = { holder, version: String(++this.#version) };
        }, signal),
    };
  }
}

function lab() {
  const world = memoryWorld();
  const server = new LeaseServer();
  const leading = new Set<string>();
  const terms: string[] = [];
  let max = 0;
  const health = new Map<string, ElectionHealth>();
  const candidates = new Map<string, { stop: () => void; done: Promise<void> }>();
  return {
    server,
    world,
    leading,
    terms,
    max: () => max,
    healthy: (identity: string) => health.get(identity)?.healthy,
    start: (identity: string) => {
      const stop = new AbortController();
      const lead = async (signal: AbortSignal) => {
        leading.add(identity);
        terms.push(identity);
        max = Math.max(max, leading.size);
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        leading.delete(identity);
      };
      const election = new ElectionHealth(() => world.monotonic());
      health.set(identity, election);
      const done = elect(world, SILENT, {
        lease: server.of(identity),
        identity,
        lead,
        signal: stop.signal,
        onUsable: () => election.used(),
      });
      candidates.set(identity, { stop: () => stop.abort(), done });
    },
    stop: async (identity: string) => {
      candidates.get(identity)?.stop();
      await world.advance(5_000);
      await candidates.get(identity)?.done;
    },
    seconds: (count: number) => world.advance(count * 1_000),
  };
}

Deno.test("elect lets one of several lead, and the next one when that one stops", async () => {
  const it = lab();
  it.start("a");
  await it.seconds(1);
  it.start("b");
  await it.seconds(120);
  assert.deepEqual([...it.leading], ["a"]);
  await it.stop("a");
  assert.equal(it.server.state?.holder === "a", false, "the lease is released");
  await it.seconds(4);
  assert.deepEqual([[...it.leading], it.max()], [["b"], 1]);
  await it.stop("b");
  assert.equal(it.server.state?.holder, "");
});

Deno.test("elect replaces a dead leader, and not before its lease has expired", async () => {
  const it = lab();
  it.server.state = { holder: "dead", version: "x" };
  it.start("b");
  await it.seconds(LEASE_SECONDS - 1);
  assert.deepEqual([...it.leading], []);
  await it.seconds(10);
  assert.deepEqual([...it.leading], ["b"]);
  await it.stop("b");
});

Deno.test("elect makes a leader that cannot renew step down before a standby may lead", async () => {
  for (const fate of ["hang", new Error("500")] as const) {
    const it = lab();
    it.start("a");
    await it.seconds(4);
    it.start("b");
    await it.seconds(4);
    it.server.fate = (who) => who === "a" ? fate : "pass";
    await it.seconds(11);
    assert.deepEqual([...it.leading], [], String(fate));
    await it.seconds(12);
    assert.deepEqual([[...it.leading], it.max()], [["b"], 1], String(fate));
    it.server.fate = () => "pass";
    await it.stop("a");
    await it.stop("b");
  }
});

Deno.test("elect keeps a leader whose renewals succeed although their answers are lost", async () => {
  const it = lab();
  it.start("a");
  await it.seconds(4);
  let count = 0;
  it.server.fate = (_, verb) => verb === "write" && count++ % 2 === 0 ? "lose" : "pass";
  await it.seconds(120);
  assert.deepEqual([[...it.leading], it.terms], [["a"], ["a"]]);
  it.server.fate = () => "pass";
  await it.stop("a");
});

Deno.test("elect steps down when another process has taken the lease, and competes again", async () => {
  const it = lab();
  it.start("a");
  await it.seconds(4);
  it.server.state = { holder: "thief", version: "stolen" };
  await it.seconds(4);
  assert.deepEqual([...it.leading], []);
  await it.seconds(30);
  assert.deepEqual([[...it.leading], it.terms], [["a"], ["a", "a"]]);
  await it.stop("a");
});

Deno.test("elect leads again after its work failed", async () => {
  const world = memoryWorld();
  const server = new LeaseServer();
  const stop = new AbortController();
  let terms = 0;
  const lead = () => (terms++, Promise.reject(new Error("broken")));
  const done = elect(world, SILENT, { lease: server.of("a"), identity: "a", lead, signal: stop.signal });
  await world.advance(20_000);
  stop.abort();
  await world.advance(5_000);
  await done;
  assert(terms > 1, `${terms} terms`);
});

Deno.test("elect leads again after the lease was deleted, and is healthy meanwhile", async () => {
  const it = lab();
  it.start("a");
  await it.seconds(4);
  it.server.state = undefined;
  await it.seconds(30);
  assert.deepEqual([[...it.leading], it.healthy("a")], [["a"], true]);
  await it.stop("a");
});

/** What a candidate can do with the lease, and whether it is healthy after a minute of it. */
const HEALTH: readonly (readonly [string, (server: LeaseServer) => void, boolean])[] = [
  ["nothing", (server) => server.fate = () => new Error("403"), false],
  [
    "read one that is missing, and create none",
    (server) => server.fate = (_, verb) => verb === "read" ? "pass" : new Error("403"),
    false,
  ],
  ["get no answer", (server) => server.fate = () => "hang", false],
  ["read that another leads", (server) => {
    let renewals = 0;
    server.fate = () => {
      server.state = { holder: "other", version: `r${renewals++}` };
      return "pass";
    };
  }, true],
  ["lead", () => {}, true],
];

for (const [can, arrange, healthy] of HEALTH) {
  Deno.test(`ElectionHealth is ${healthy ? "healthy" : "unhealthy"} where a candidate can ${can}`, async () => {
    const it = lab();
    arrange(it.server);
    it.start("a");
    await it.seconds(30);
    assert.equal(it.healthy("a"), true, "a short outage does not count");
    await it.seconds(90);
    assert.equal(it.healthy("a"), healthy);
    it.server.fate = () => "pass";
    it.server.state = undefined;
    await it.seconds(30);
    assert.equal(it.healthy("a"), true);
    await it.stop("a");
  });
}
