import assert from "node:assert/strict";
import { turnName } from "../../src/agent/queue.ts";
import { standIn } from "../../src/agent/stand_in.ts";
import { borrow } from "../../src/storage/borrow.ts";
import type { Connection, Listener } from "../../src/world/platform.ts";
import type { Lock } from "../../src/world/world.ts";
import { memory } from "../ipam/lab.ts";
import { faulty } from "../support/faulty.ts";
import { memoryWorld } from "../support/world.ts";
import { answering, caller, requestOf } from "./callers.ts";

const SOCKET = "/agent.sock.queue";

/** A socket without one. */
class Door implements Listener {
  readonly log: string[] = [];
  readonly #come: Connection[] = [];
  #wake = Promise.withResolvers<void>();
  #open = true;

  arrive(connection: Connection): void {
    this.#come.push(connection);
    this.#wake.resolve();
  }

  retire(): void {
    this.log.push("retired");
  }

  close(): void {
    this.log.push("closed");
    this.#open = false;
    this.#wake.resolve();
  }

  async *[Symbol.asyncIterator]() {
    while (this.#open) {
      yield* this.#come.splice(0);
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
  }
}

/** A call that begins to stand in while another is at work. */
async function begin() {
  const commits: string[] = [];
  const store = faulty(await memory(), ({ method, object }) => void (method === "commit" && commits.push(object)));
  const world = memoryWorld({ files: { "/db": "" } });
  const call = { socket: SOCKET, request: requestOf("ADD", "own") };
  const before = world.tryLock(turnName(call)) as Lock;
  const door = new Door();
  const load = () => Promise.resolve(() => Promise.resolve(borrow(store)));
  const listen = (path: string) => Promise.resolve((door.log.push(path), door));
  const answer = standIn(world, { listen }, load, call);
  const end = before[Symbol.dispose].bind(before);
  return { world, commits, door, answer, end, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

const comes = (pod: string) => caller(Promise.resolve(JSON.stringify(requestOf("ADD", pod))));

function addressOf(answer: string | undefined): string {
  return JSON.parse(JSON.parse(answer ?? "null").stdout).ips[0].address;
}

Deno.test("standIn waits for the call before, and serves with its own all that came meanwhile, in one commit", async () => {
  await using lab = await begin();
  const others = ["a", "b", "c"].map((pod) => comes(pod));
  for (const { connection } of others) lab.door.arrive(connection);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual({ commits: lab.commits, log: lab.door.log }, { commits: [], log: [SOCKET] });
  lab.end();
  const own = await lab.answer;
  const given = [
    addressOf(JSON.stringify(own)),
    ...await Promise.all(others.map(async ({ answered }) => addressOf(await answered))),
  ];
  assert.deepEqual(
    given,
    [1, 2, 3, 4].map((host) => `10.0.0.${host}/29`),
    "in the order in which they came, its own first",
  );
  assert.equal(lab.commits.length, 1);
  assert.deepEqual(lab.door.log, [SOCKET, "retired", "closed"]);
  assert.ok(lab.world.tryLock(turnName({ socket: SOCKET, request: requestOf("ADD", "x") })), "the turn is over");
});

Deno.test("standIn waits a second at most: the call before may work on another store, which does not answer", async () => {
  await using lab = await begin();
  await new Promise((resolve) => setTimeout(resolve, 0));
  await lab.world.advance(1_000);
  assert.equal((await lab.answer)?.exitCode, 0);
});

Deno.test("standIn ends two seconds after its own answer: who is not answered by then serves itself", async () => {
  await using lab = await begin();
  lab.door.arrive(caller(new Promise(() => {})).connection);
  lab.end();
  let ended = false;
  const answer = lab.answer.finally(() => ended = true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(ended, false);
  await lab.world.advance(2_000);
  assert.equal((await answer)?.exitCode, 0);
});

Deno.test("standIn promises no release: the process ends, and could not keep it", async () => {
  const world = memoryWorld({ files: { "/db": "" } });
  await using away = faulty(await memory(), () => ({ done: false, then: "unavailable" }));
  const load = () => Promise.resolve(() => Promise.resolve(borrow(away)));
  const call = { socket: SOCKET, request: requestOf("DEL", "own") };
  let ended = false;
  const answer = standIn(world, { listen: () => Promise.resolve(new Door()) }, load, call).finally(() => ended = true);
  while (!ended) await world.advance(10_000);
  assert.deepEqual(JSON.parse((await answer)?.stdout ?? "").code, 11);
});

Deno.test("standIn asks whoever was faster to listen, and cannot where it may not", async () => {
  const call = { socket: SOCKET, request: requestOf("ADD", "own") };
  const load = () => Promise.reject(new Error("no store is wanted"));
  const listen = () => Promise.reject(new Error("another listens"));
  const asked = memoryWorld({ sockets: { [SOCKET]: answering() } });
  assert.deepEqual(await standIn(asked, { listen }, load, call), { stdout: "{}", exitCode: 0 });
  assert.equal(await standIn(memoryWorld({}), { listen }, load, call), undefined);
});
