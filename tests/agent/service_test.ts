import assert from "node:assert/strict";
import { Agent } from "../../src/agent/service.ts";
import type { Answer } from "../../src/call/call.ts";
import type { Datastore } from "../../src/config/types.ts";
import { borrow } from "../../src/storage/wrap.ts";
import { SILENT } from "../../src/world/log.ts";
import { memory } from "../ipam/lab.ts";
import { faulty, type Plan } from "../support/faulty.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";
import { caller, requestOf } from "./callers.ts";

interface Bench extends AsyncDisposable {
  readonly agent: Agent;
  readonly world: MemoryWorld;
  call(verb: string, pod: string, ipam?: Record<string, unknown>): Promise<Answer | undefined>;
}

/** An agent on a store in memory. */
async function bench(plan: Plan = () => undefined): Promise<Bench> {
  const store = faulty(await memory(), plan);
  const world = memoryWorld({ files: { "/db": "" } });
  const agent = new Agent(world, () => Promise.resolve(() => Promise.resolve(borrow(store))), SILENT);
  return {
    agent,
    world,
    call: (verb, pod, ipam = {}) => agent.call(requestOf(verb, pod, ipam)),
    [Symbol.asyncDispose]: async () => {
      await agent.finish(1_000);
      await store[Symbol.asyncDispose]();
    },
  };
}

Deno.test("Agent declines a call whose configuration it cannot use or whose store it cannot open", async () => {
  await using b = await bench();
  for (
    const ipam of [
      { configuration_path: "/etc/elsewhere/whereabouts.conf" },
      { database: "/var/lib/elsewhere/whereabouts.db" },
      { range: "nonsense" },
    ]
  ) {
    for (const verb of ["ADD", "DEL", "STATUS"]) assert.equal(await b.call(verb, "web", ipam), undefined, verb);
  }
  assert.equal((await b.call("ADD", "web"))?.exitCode, 0);
  for (let i = 0; i < 5; i++) await b.call("ADD", `web-${i}`);
  const full = await b.call("ADD", "late");
  assert.equal(full?.exitCode, 1, "the agent answers if the store does");
  assert.match(b.agent.http("/metrics").body, /requests_total\{verb="DEL",outcome="declined",network="net"\} 3\n/);
});

Deno.test("Agent counts calls, batches, conflicts, retries and the store's operations", async () => {
  let commits = 0;
  await using b = await bench(({ method }) => {
    if (method !== "commit" || ++commits > 2) return undefined;
    return { done: false, then: commits === 1 ? "conflict" : "unavailable" };
  });
  const adds = Promise.all([b.call("ADD", "a"), b.call("ADD", "b")]);
  for (let i = 0; i < 20; i++) await b.world.advance(50);
  assert.deepEqual((await adds).map((answer) => answer?.exitCode), [0, 0]);
  assert.equal((await b.call("FROBNICATE", "a"))?.exitCode, 1);
  const metrics = b.agent.http("/metrics").body;
  for (
    const line of [
      'requests_total{verb="ADD",outcome="success",network="net"} 2',
      'requests_total{verb="other",outcome="error"} 1',
      'request_seconds_count{verb="ADD",outcome="success"} 2',
      "batch_size_sum 2",
      "commit_seconds_count 1",
      'conflicts_total{operation="commit"} 1',
      'retries_total{reason="conflict"} 1',
      'retries_total{reason="unavailable"} 1',
      'store_seconds_count{operation="commit",outcome="success"} 1',
      'store_seconds_count{operation="reserve",outcome="success"} 2',
      "queue_length 0",
      "requests_in_flight 0",
    ]
  ) assert(metrics.includes(`whereabouts_agent_${line}\n`), `${line}\n${metrics}`);
});

Deno.test("Agent ends a call before its caller serves it directly, also a call that waits because its store is at its limit", async () => {
  await using b = await bench(({ method }) => method === "commit" ? { done: false, then: "silent" } : undefined);
  const callers = Array.from(
    { length: 1_001 },
    (_, i) => caller(Promise.resolve(JSON.stringify(requestOf("ADD", `p${i}`)))),
  );
  const served = callers.map(({ connection }) => b.agent.serve(connection));
  await b.world.advance(1_000);
  assert.match(b.agent.http("/metrics").body, /whereabouts_agent_queue_length 1\n/);
  for (let second = 0; second < 60; second++) await b.world.advance(1_000);
  await Promise.all(served);
  for (const one of [callers[0], callers.at(-1)]) {
    const { code, msg } = JSON.parse(JSON.parse(await one?.answered ?? "").stdout);
    assert.deepEqual([code, msg], [11, "ADD did not end within 25 s"]);
  }
  assert.match(b.agent.http("/metrics").body, /whereabouts_agent_queue_length 0\n/);
});

Deno.test("Agent serves the calls of one store while another store does not answer", async () => {
  let open = 0;
  const dead = faulty(await memory(), () => ({ done: false, then: "silent" }));
  const store = await memory();
  const world = memoryWorld({ files: { "/db": "", "/dead": "" } });
  const load = () =>
    Promise.resolve((datastore: Datastore) => {
      open++;
      return Promise.resolve(borrow(datastore.kind === "embedded" && datastore.path === "/dead" ? dead : store));
    });
  const agent = new Agent(world, load, SILENT);
  const hung = Array.from(
    { length: 2_500 },
    (_, i) => caller(Promise.resolve(JSON.stringify(requestOf("ADD", `hung${i}`, { database: "/dead" })))),
  );
  const served = hung.map(({ connection }) => agent.serve(connection));
  await world.advance(100);
  const refused = await Promise.all(hung.slice(2_000).map(({ answered }) => answered));
  for (const answer of refused) {
    const { code, msg } = JSON.parse(JSON.parse(answer ?? "").stdout);
    assert.deepEqual([code, msg], [
      11,
      "The agent has too many calls to the database /dead in progress; try again later",
    ]);
  }
  for (let i = 0; i < 5; i++) {
    const victim = agent.call(requestOf("ADD", `victim${i}`));
    await world.advance(50);
    assert.equal((await victim)?.exitCode, 0);
  }
  for (let second = 0; second < 30; second++) await world.advance(1_000);
  await Promise.all(served);
  assert.equal(open, 2);
  await agent.finish(1_000);
  await dead[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

Deno.test("Agent allocates nothing for a caller that disconnected: the pod's next sandbox may have the address by then", async () => {
  const blocked = Promise.withResolvers<undefined>();
  let commits = 0;
  await using b = await bench(({ method }) => {
    if (method !== "commit" || ++commits > 1) return undefined;
    return blocked.promise.then(() => ({ done: false, then: "conflict" }));
  });
  const plugin = new AbortController();
  const dead = caller(Promise.resolve(JSON.stringify(requestOf("ADD", "web"))), plugin.signal);
  const served = b.agent.serve(dead.connection);
  const other = b.call("ADD", "other");
  await b.world.advance(10);
  assert.equal(commits, 1, "both are being written");
  plugin.abort(new Error("killed"));
  blocked.resolve(undefined);
  for (let i = 0; i < 20; i++) await b.world.advance(50);
  await served;
  assert.match((await other)?.stdout ?? "", /10\.0\.0\.1\//, "the dead caller got no address");
  const queued = caller(Promise.resolve(JSON.stringify(requestOf("ADD", "queued"))), plugin.signal);
  await b.agent.serve(queued.connection);
  assert.equal(await queued.answered, undefined);
});

Deno.test("Agent answers callers beyond its limit immediately: try again later", async () => {
  await using b = await bench();
  const silence = Promise.withResolvers<string>();
  const silent = Array.from({ length: 5_000 }, () => b.agent.serve(caller(silence.promise).connection));
  const beyond = caller(Promise.resolve(JSON.stringify(requestOf("ADD", "late"))));
  await b.agent.serve(beyond.connection);
  assert.equal(JSON.parse(JSON.parse(await beyond.answered ?? "").stdout).code, 11);
  silence.reject(new Error("closed"));
  await Promise.all(silent);
  const next = caller(Promise.resolve(JSON.stringify(requestOf("ADD", "next"))));
  await b.agent.serve(next.connection);
  assert.equal(JSON.parse(await next.answered ?? "").exitCode, 0);
});

Deno.test("Agent is ready until it stops, and answers the calls in progress", async () => {
  const blocked = Promise.withResolvers<undefined>();
  await using b = await bench(({ method }) => method === "commit" ? blocked.promise : undefined);
  const inProgress = caller(Promise.resolve(JSON.stringify(requestOf("ADD", "web"))));
  void b.agent.serve(inProgress.connection);
  assert.deepEqual([b.agent.http("/readyz").status, b.agent.http("/healthz").status], [200, 200]);
  const finished = b.agent.finish(5_000);
  assert.deepEqual([b.agent.http("/readyz").status, b.agent.http("/healthz").status], [503, 200]);
  blocked.resolve(undefined);
  await finished;
  assert.equal(JSON.parse(await inProgress.answered ?? "").exitCode, 0);
});

Deno.test("Agent writes the log lines of a call to its standard error, and returns those of a log file to the plugin", async () => {
  await using b = await bench();
  const ipam = { log_level: "info", log_file: "/var/log/w.log", rangeStart: "10.0.0.2" };
  const answer = await b.agent.call(requestOf("ADD", "web-0", ipam));
  assert.equal(answer?.exitCode, 0);
  const [lines] = answer.logs ?? [];
  assert.equal(lines?.file, "/var/log/w.log");
  assert.match(
    lines.text,
    /level=warning .*rangeStart.*range_start[^]*level=info msg="Allocated address" ip=10\.0\.0\.1 pod=default\/web-0/,
  );
  assert.equal(b.world.lines.map((line) => `${line}\n`).join(""), lines.text);
  assert.equal(b.world.files.has("/var/log/w.log"), false);
  assert.equal((await b.agent.call(requestOf("DEL", "web-0", { log_level: "panic" })))?.logs, undefined);
  const full = { ...ipam, range: "10.0.9.1/32" };
  await b.agent.call(requestOf("ADD", "web-1", full));
  const [failed] = (await b.agent.call(requestOf("ADD", "web-2", full)))?.logs ?? [];
  assert.match(
    failed?.text ?? "",
    /level=error msg="ADD failed" code=100 .*pool=10\.0\.9\.1\/32 pod=default\/web-2 .*ms=\d+/,
  );
});
