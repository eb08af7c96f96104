import assert from "node:assert/strict";
import { probe } from "../../src/agent/probe.ts";
import { memoryWorld } from "../support/world.ts";
import { answering } from "./callers.ts";

const SOCKET = "/run/agent.sock";

/** What listens on the socket, its answer, and what the probe reports; undefined: the agent serves. */
const CASES: readonly (readonly [string, (() => Promise<string>) | undefined, RegExp | undefined])[] = [
  ["an agent", answering(), undefined],
  ["nothing", undefined, /^No agent listens on \/run\/agent\.sock$/],
  ["an agent that fails", answering({ exitCode: 1 }), /is not an agent with protocol 1/],
  ["an agent of another protocol", answering({ protocol: 2 }), /is not an agent with protocol 1/],
  ["another server", () => Promise.resolve("HTTP/1.1 400"), /does not serve: .*JSON/],
  [
    "a server that does not answer",
    () => Promise.reject(new Error("it did not answer within 5 s")),
    /does not serve: it did not answer/,
  ],
];

for (const [listener, answer, reported] of CASES) {
  Deno.test(`probe ${reported ? "reports that" : "accepts that"} ${listener} is on the socket`, async () => {
    const found = await probe(memoryWorld({ sockets: answer ? { [SOCKET]: answer } : {} }), SOCKET);
    if (reported) assert.match(found ?? "", reported);
    else assert.equal(found, undefined);
  });
}
