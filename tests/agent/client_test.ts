import assert from "node:assert/strict";
import { askAgent } from "../../src/agent/client.ts";
import { DEFAULT_SOCKET, PROTOCOL } from "../../src/agent/protocol.ts";
import { makeCall, readCall } from "../../src/call/call.ts";
import { memoryWorld, type MemoryWorldOptions } from "../support/world.ts";
import { answering } from "./callers.ts";

async function ask(
  options: MemoryWorldOptions,
  stdin: string | Uint8Array = "{}",
): Promise<{ answer: unknown; lines: readonly string[] }> {
  const world = memoryWorld({ ...options, stdin });
  return { answer: await askAgent(world, await readCall(world)), lines: world.lines };
}

Deno.test("askAgent sends the CNI variables and standard input, and nothing else", async () => {
  let request = "";
  const listen = (text: string) => {
    request = text;
    return answering()();
  };
  const env = { CNI_COMMAND: "ADD", CNI_IFNAME: "net1", SECRET: "x", PATH: "/bin" };
  const { answer: given } = await ask({ env, sockets: { [DEFAULT_SOCKET]: listen } }, '{"name":"é"}');
  assert.deepEqual(given, { stdout: "{}", exitCode: 0 });
  assert(request.endsWith("}\n"), "one line");
  assert.deepEqual(JSON.parse(request), {
    protocol: PROTOCOL,
    env: { CNI_COMMAND: "ADD", CNI_IFNAME: "net1" },
    stdin: '{"name":"é"}',
  });
});

Deno.test("askAgent uses the socket that the environment names, no agent if that is off, and never a socket that a network names", async () => {
  const sockets = {
    "/a.sock": answering({ stdout: "a" }),
    "/b.sock": answering({ stdout: "b" }),
    [DEFAULT_SOCKET]: answering({ stdout: "usual" }),
  };
  const conf = JSON.stringify({ ipam: { agent_socket: "/a.sock" } });
  const stdout = async (env: Record<string, string>) =>
    (await ask({ env, sockets }, conf)).answer as { stdout: string } | undefined;
  assert.equal((await stdout({}))?.stdout, "usual");
  assert.equal((await stdout({ WHEREABOUTS_AGENT_SOCKET: "/b.sock" }))?.stdout, "b");
  assert.equal(await stdout({ WHEREABOUTS_AGENT_SOCKET: "off" }), undefined);
});

Deno.test("askAgent prints nothing if no agent runs, and one line if the agent does not serve the call", async () => {
  assert.deepEqual(await ask({}), { answer: undefined, lines: [] });
  for (
    const broken of [
      () => Promise.reject(new Error("it died")),
      () => Promise.resolve("{"),
      answering({ protocol: 2 }),
      answering({ exitCode: "0" }),
    ]
  ) {
    const { answer: given, lines } = await ask({ sockets: { [DEFAULT_SOCKET]: broken } });
    assert.equal(given, undefined);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /agent at .*agent\.sock did not serve the call, so it is served directly/);
  }
});

Deno.test("askAgent sends no input that is not text: the direct path refuses it", async () => {
  const { answer: given } = await ask({ sockets: { [DEFAULT_SOCKET]: answering() } }, new Uint8Array([0xff, 0xfe]));
  assert.equal(given, undefined);
});

Deno.test("askAgent writes the lines of a call to the log files that the agent names, but to no file outside of their folders", async () => {
  const logs = [
    { file: "/srv/w.log", text: "operator\n" },
    { file: "/var/log/w.log", text: "tenant\n", confinedTo: ["/var/log"] },
    { file: "/var/log/../../root/x", text: "escape\n", confinedTo: ["/var/log"] },
  ];
  const world = memoryWorld({ sockets: { [DEFAULT_SOCKET]: answering({ logs }) } });
  assert.deepEqual(await askAgent(world, makeCall({}, "{}")), { stdout: "{}", exitCode: 0 });
  assert.deepEqual([...world.files], [["/srv/w.log", "operator\n"], ["/var/log/w.log", "tenant\n"]]);
  assert.equal(world.lines.length, 1);
  assert.match(world.lines[0] ?? "", /Cannot write log_file "\/var\/log\/\.\.\/\.\.\/root\/x"/);
});
