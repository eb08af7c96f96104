import assert from "node:assert/strict";
import { type Call, INPUT_LIMIT, makeCall, readCall } from "../../src/call/call.ts";
import { memoryWorld } from "../support/world.ts";

const read = (stdin: string | Uint8Array, env: Record<string, string> = {}) => readCall(memoryWorld({ env, stdin }));

function errorOf({ input }: Call): string {
  assert("error" in input);
  return `${input.error.isRead ? "read" : "unread"}: ${input.error.message}`;
}

Deno.test("readCall takes the variables of the call that are set, the text, and the document in it", async () => {
  const env = { CNI_COMMAND: "ADD", CNI_ARGS: "", PATH: "/bin", NODENAME: "n1", CNI_CONF_DIR: "/etc" };
  assert.deepEqual(await read('{"name":"é"}', env), {
    env: { CNI_COMMAND: "ADD", CNI_ARGS: "" },
    text: '{"name":"é"}',
    input: { document: { name: "é" } },
  });
});

Deno.test("readCall reads no standard input for VERSION", async () => {
  const world = { ...memoryWorld({ env: { CNI_COMMAND: "VERSION" } }), stdin: () => Promise.reject(new Error("read")) };
  assert.equal((await readCall(world)).text, "");
});

Deno.test("readCall keeps why input has no document, for whoever serves the call", async () => {
  const cannot = { ...memoryWorld(), stdin: () => Promise.reject(new Error("Input/output error")) };
  const unread = await readCall(cannot);
  assert.equal(
    errorOf(unread),
    "unread: Cannot read the network configuration from standard input: Input/output error",
  );
  assert.equal(unread.text, undefined);
  const noText = await read(new Uint8Array([0x7b, 0xff, 0x7d]));
  assert.match(errorOf(noText), /^read: Cannot decode the network configuration on standard input: /);
  assert.equal(noText.text, undefined);
  const noJson = await read("{");
  assert.match(errorOf(noJson), /^read: Cannot decode .*: Not JSON \(.+\)$/);
  assert.equal(noJson.text, "{", "an agent may be asked all the same");
});

Deno.test("a call takes as many bytes as its limit and no more, whether they are read here or come to an agent", async () => {
  const text = (bytes: number) => `"${"é".repeat((bytes - 2) / 2)}"`;
  for (const make of [(one: string) => Promise.resolve(makeCall({}, one)), (one: string) => read(one)]) {
    assert("document" in (await make(text(INPUT_LIMIT))).input);
    const reason = `Standard input is longer than ${INPUT_LIMIT} bytes`;
    assert.equal(
      errorOf(await make(text(INPUT_LIMIT + 2))),
      `unread: Cannot read the network configuration from standard input: ${reason}`,
    );
  }
});
