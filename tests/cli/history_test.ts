import assert from "node:assert/strict";
import { makeCall } from "../../src/call/call.ts";
import { runPlugin } from "../../src/cni/plugin.ts";
import { directHost } from "../../src/cni/host.ts";
import { loadDriver } from "../../drivers/mod.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { call, type Ran } from "./lab.ts";

/** A node that served an ADD and a DEL of web-0, an ADD of web-1, and an ADD that failed. */
async function node(): Promise<{ readonly folder: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  const real = denoWorld();
  const env: Readonly<Record<string, string>> = {
    WHEREABOUTS_JOURNAL: `${folder}/journal`,
    WHEREABOUTS_ALLOW_PATHS: folder,
  };
  const world = { ...real, env: (name: string) => env[name], stderr: () => {} };
  const ipam = {
    type: "whereabouts",
    datastore: "embedded",
    database: `${folder}/whereabouts.db`,
    range: "10.0.0.0/30",
  };
  const conf = JSON.stringify({ cniVersion: "1.0.0", name: "lab", ipam });
  const run = (verb: string, pod: string) =>
    runPlugin(
      makeCall({
        CNI_COMMAND: verb,
        CNI_CONTAINERID: `container-of-${pod}`,
        CNI_NETNS: "/var/run/netns/x",
        CNI_IFNAME: "net1",
        CNI_PATH: "/opt/cni/bin",
        CNI_ARGS: `K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod}`,
      }, conf),
      directHost(world, loadDriver),
    );
  for (const [verb, pod] of [["ADD", "web-0"], ["ADD", "web-1"], ["ADD", "web-2"], ["DEL", "web-0"]] as const) {
    await run(verb, pod);
  }
  return { folder: `${folder}/journal`, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

function eventsOf({ out }: Ran): string[] {
  return out.trimEnd().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line)).map((
    { event, ip = "", pod },
  ) => `${event} ${ip} ${pod}`);
}

Deno.test("history shows what a node allocated, released and failed to allocate", async () => {
  await using lab = await node();
  const ask = (...args: string[]) => call({ env: { WHEREABOUTS_JOURNAL: lab.folder } }, "history", ...args);
  assert.deepEqual(eventsOf(await ask("--json")), [
    "allocated 10.0.0.1 default/web-0",
    "allocated 10.0.0.2 default/web-1",
    "failed  default/web-2",
    "released 10.0.0.1 default/web-0",
  ]);
  assert.deepEqual(eventsOf(await ask("10.0.0.1", "--json")), [
    "allocated 10.0.0.1 default/web-0",
    "released 10.0.0.1 default/web-0",
  ]);
  assert.deepEqual(eventsOf(await ask("default/web-1", "--json")), ["allocated 10.0.0.2 default/web-1"]);
  assert.deepEqual(eventsOf(await ask("container-of-web-2", "--json", "--since", "1h")), ["failed  default/web-2"]);
  const { out } = await ask();
  assert.match(out, /^TIME +EVENT +ADDRESS +POD +IF +NETWORK +DETAILS$/m);
  assert.match(out, /^\S+Z +released +10\.0\.0\.1 +default\/web-0 +net1 +lab +container container-of$/m);
  assert.match(out, /^\S+Z +failed +- +default\/web-2 +net1 +lab +code 100: .*10\.0\.0\.0\/30/m);
});

Deno.test("history reads an exported file, and standard input", async () => {
  await using lab = await node();
  const file = `${lab.folder}/history.jsonl`;
  const stdin = await Deno.readTextFile(file);
  const expected = ["allocated 10.0.0.2 default/web-1"];
  assert.deepEqual(eventsOf(await call({}, "history", "10.0.0.2", "--from", file, "--json")), expected);
  assert.deepEqual(eventsOf(await call({ stdin }, "history", "10.0.0.2", "--from", "-", "--json")), expected);
});

Deno.test("history without events exits with 1, and names what it did not find", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const env = { WHEREABOUTS_JOURNAL: folder };
    const wrong: readonly (readonly [string[], Record<string, string>, number, RegExp])[] = [
      [[], env, 1, /^No events in the history$/],
      [["10.0.0.9"], env, 1, /^No events of 10\.0\.0\.9 in the history$/],
      [[], { WHEREABOUTS_JOURNAL: "off" }, 1, /keeps no history: WHEREABOUTS_JOURNAL is off/],
      [["--from", "/nowhere"], env, 1, /Cannot read the history from \/nowhere: file not found/],
      [["web"], env, 2, /Invalid subject "web"/],
      [["--since", "soon"], env, 2, /Invalid --since "soon"/],
    ];
    for (const [args, given, code, why] of wrong) {
      const answer = await call({ env: given }, "history", ...args);
      assert.deepEqual([answer.code, answer.out], [code, ""], answer.err);
      assert.match(answer.err, why);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
