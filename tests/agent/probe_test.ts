import assert from "node:assert/strict";
import { probe } from "../../src/agent/probe.ts";
import { memoryWorld } from "../support/world.ts";
import { answering } from "./callers.ts";

const SOCKET = "/run/agent.sock";

/** What answers on the socket, and what the probe reports; undefined: the agent serves. */
const CASES: readonly (readonly [string, (() => Promise<string>) | undefined, RegExp | undefined])[] = [
  ["an agent", answering(), undefined],
  ["nobody", undefined, /^No agent listens on \/run\/agent\.sock$/],
  ["an agent that fails", answering({ exitCode: 1 }), /is no agent of protocol 1/],
  ["an agent of another protocol", answering({ protocol: 2 }), /is no agent of protocol 1/],
  ["somebody else", () => Promise.resolve("HTTP/1.1 400"), /does not serve: .*JSON/],
  ["silence", () => Promise.reject(new Error("it gave no answer within 5 s")), /does not serve: it gave no answer/],
];

for (const [who, answer, reported] of CASES) {
  Deno.test(`probe reports ${reported ? "that" : "nothing where"} ${who} is on the socket`, async () => {
    const found = await probe(memoryWorld({ sockets: answer ? { [SOCKET]: answer } : {} }), SOCKET);
    if (reported) assert.match(found ?? "", reported);
    else assert.equal(found, undefined);
  });
}
