import assert from "node:assert/strict";
import fc from "fast-check";
import { readCall } from "../../src/call/call.ts";
import { CniError } from "../../src/cni/error.ts";
import { type CniRequest, readRequest } from "../../src/cni/request.ts";
import { memoryWorld } from "../support/world.ts";

const ENV = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "9f1c",
  CNI_IFNAME: "net1",
  CNI_NETNS: "/run/netns/x",
  CNI_PATH: "/opt/cni/bin",
  CNI_ARGS: "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0",
};
const CONF = { cniVersion: "1.0.0", name: "net", ipam: { type: "whereabouts" } };

async function read(env: Record<string, string | undefined> = {}, stdin: unknown = CONF): Promise<CniRequest> {
  const merged = Object.entries({ ...ENV, ...env }).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const text = stdin instanceof Uint8Array || typeof stdin === "string" ? stdin : JSON.stringify(stdin);
  return readRequest(await readCall(memoryWorld({ env: Object.fromEntries(merged), stdin: text })));
}

Deno.test("readRequest reads an ADD", async () => {
  const { verb, containerId, ifName, args, network, cniVersion, conf } = await read();
  assert.deepEqual([verb, containerId, ifName, network, cniVersion], ["ADD", "9f1c", "net1", "net", "1.0.0"]);
  assert.deepEqual([args, conf], [{ podNamespace: "default", podName: "web-0" }, CONF]);
});

Deno.test("readRequest accepts network names as long as those of Kubernetes objects", async () => {
  for (const length of [1, 200, 201, 253]) {
    assert.equal((await read({}, { ...CONF, name: "n".repeat(length) })).network.length, length);
  }
});

Deno.test("readRequest accepts a pod without a namespace for every verb but ADD", async () => {
  for (const verb of ["DEL", "CHECK", "GC", "STATUS"]) {
    const conf = { ...CONF, cniVersion: "1.1.0" };
    const { args } = await read({ CNI_COMMAND: verb, CNI_ARGS: "K8S_POD_NAME=web-0" }, conf);
    assert.deepEqual(args, { podName: "web-0" }, verb);
  }
  assert.deepEqual((await read({ CNI_ARGS: "" })).args, {}, "no pod at all");
});

Deno.test("readRequest reads VERSION without standard input and other variables", async () => {
  const world = { ...memoryWorld({ env: { CNI_COMMAND: "VERSION" } }), stdin: () => Promise.reject(new Error("read")) };
  assert.equal(readRequest(await readCall(world)).verb, "VERSION");
});

/** The mistake, the environment and standard input that have it, the code, and the message. */
const REFUSED: readonly (readonly [string, Record<string, string | undefined>, unknown, number, RegExp])[] = [
  ["an unknown verb", { CNI_COMMAND: "add" }, CONF, 4, /CNI_COMMAND: found "add".*ADD, DEL/],
  ["an empty verb", { CNI_COMMAND: "" }, CONF, 4, /found nothing/],
  [
    "several missing variables",
    { CNI_CONTAINERID: undefined, CNI_IFNAME: "", CNI_PATH: undefined },
    CONF,
    4,
    /CNI_CONTAINERID, CNI_IFNAME, CNI_PATH/,
  ],
  [
    "a malformed variable before missing ones",
    { CNI_CONTAINERID: undefined, CNI_IFNAME: "a/b" },
    CONF,
    4,
    /CNI_IFNAME "a\/b"/,
  ],
  [
    "a container id with a path",
    { CNI_CONTAINERID: "../../etc/passwd" },
    CONF,
    4,
    /CNI_CONTAINERID "\.\.\/\.\./,
  ],
  ["a container id of 5000 characters", { CNI_CONTAINERID: "a".repeat(5_000) }, CONF, 4, /CNI_CONTAINERID "a+"/],
  ["an interface named ..", { CNI_IFNAME: ".." }, CONF, 4, /CNI_IFNAME/],
  ["an interface of 16 characters", { CNI_IFNAME: "a".repeat(16) }, CONF, 4, /CNI_IFNAME/],
  ["an interface with a colon", { CNI_IFNAME: "eth0:1" }, CONF, 4, /CNI_IFNAME/],
  [
    "a pod without its namespace",
    { CNI_ARGS: "K8S_POD_NAME=web-0" },
    CONF,
    4,
    /K8S_POD_NAME is "web-0" without K8S_POD_NAMESPACE/,
  ],
  [
    "a pod with an empty namespace",
    { CNI_ARGS: "K8S_POD_NAMESPACE=;K8S_POD_NAME=web-0" },
    CONF,
    4,
    /without K8S_POD_NAMESPACE/,
  ],
  ["bad CNI_ARGS", { CNI_ARGS: "FOO=1" }, CONF, 4, /CNI_ARGS.*FOO/],
  ["no input", {}, "", 6, /Cannot decode/],
  ["invalid JSON", {}, "{", 6, /Cannot decode/],
  ["bytes that are not UTF-8", {}, new Uint8Array([0x7b, 0xff, 0x7d]), 6, /Cannot decode/],
  ["a list", {}, [], 6, /expected a JSON object/],
  ["null", {}, "null", 6, /expected a JSON object/],
  ["a network without name", {}, { ...CONF, name: undefined }, 7, /Missing name/],
  ["a name with a slash", {}, { ...CONF, name: "../x" }, 7, /name "\.\.\/x"/],
  ["a name of 254 characters", {}, { ...CONF, name: "n".repeat(254) }, 7, /name "n+".*at most 253/],
  ["a container id of 201 characters", { CNI_CONTAINERID: "a".repeat(201) }, CONF, 4, /CNI_CONTAINERID.*at most 200/],
  ["a name that is a number", {}, { ...CONF, name: 5 }, 7, /name number/],
  ["an unknown version", {}, { ...CONF, cniVersion: "2.0.0" }, 1, /cniVersion "2\.0\.0"/],
  ["a version that is a number", {}, { ...CONF, cniVersion: 1 }, 1, /cniVersion number/],
  ["CHECK of an old version", { CNI_COMMAND: "CHECK" }, { ...CONF, cniVersion: "0.3.1" }, 1, /CHECK.*0\.3\.1.*0\.4\.0/],
  ["GC of an old version", { CNI_COMMAND: "GC" }, CONF, 1, /GC.*1\.0\.0.*1\.1\.0/],
  ["STATUS of an old version", { CNI_COMMAND: "STATUS" }, CONF, 1, /STATUS.*1\.1\.0/],
  ["five million bytes", {}, " ".repeat(5_000_000), 5, /standard input/],
];

for (const [what, env, stdin, code, message] of REFUSED) {
  Deno.test(`readRequest refuses ${what} with code ${code}`, async () => {
    await assert.rejects(read(env, stdin), (error) => {
      assert(error instanceof CniError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("readRequest survives JSON a hundred thousand levels deep", async () => {
  const deep = `{"name":"net","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  await read({}, deep).catch((error) => assert(error instanceof CniError, String(error)));
});

Deno.test("readRequest returns a request or fails with an error of the specification, for any input", async () => {
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom("ADD", "DEL", "", "9f1c", "net1", "a/b", "..", "\0", "K8S_POD_NAME=a"),
  );
  const env = fc.record({
    CNI_COMMAND: value,
    CNI_CONTAINERID: value,
    CNI_IFNAME: value,
    CNI_ARGS: value,
    CNI_PATH: value,
    CNI_NETNS: value,
  });
  const stdin = fc.oneof(
    fc.uint8Array(),
    fc.json(),
    fc.record({ name: value, cniVersion: value }).map((conf) => JSON.stringify(conf)),
  );
  await fc.assert(
    fc.asyncProperty(env, stdin, async (env, stdin) => {
      await read(env, stdin).catch((error) =>
        assert(error instanceof CniError && [1, 4, 5, 6, 7].includes(error.code), String(error))
      );
    }),
    { numRuns: 500 },
  );
});
