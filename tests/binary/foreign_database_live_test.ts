import assert from "node:assert/strict";
import { FOREIGN, OWN, stateOf } from "../drivers/embedded/files.ts";
import { AgentNode } from "../support/agent.ts";
import { binary, callPlugin } from "../support/binary.ts";
import { type Finished, run } from "../support/process.ts";

const PROGRAM = await binary();
const SCRIPT = new URL("../../install/reconcile.ts", import.meta.url).pathname;

function conf(database: string) {
  const ipam = { type: "whereabouts", datastore: "embedded", database, range: "10.9.0.0/24" };
  const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.9.0.1/24" }] };
  return { cniVersion: "1.1.0", name: "net", ipam, prevResult };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Each way to open a database, by name. */
function openers(node: AgentNode): [name: string, open: (path: string) => Promise<Finished>][] {
  const verbs = ["ADD", "CHECK", "DEL", "GC", "STATUS"].flatMap((verb) => {
    const call = (path: string) => ({ verb, conf: conf(path), containerId: "c1" });
    return [
      [verb, (path: string) => callPlugin(PROGRAM, call(path))] as const,
      [`${verb} by the agent`, (path: string) => node.call(call(path))] as const,
    ].map(([name, open]) => [name, open] as [string, (path: string) => Promise<Finished>]);
  });
  const commands = [["show"], ["show", "--map"], ["check"], ["who-has", "10.9.0.1"], ["release", "10.9.0.1", "--yes"]];
  return [
    ...verbs,
    ...commands.map((command): [string, (path: string) => Promise<Finished>] => [
      command.join(" "),
      (path) => run([PROGRAM, ...command, "--database", path]),
    ]),
    ["reconcile", (path) => run([PROGRAM, "reconcile", "--database", path, "--pods", "/dev/null"])],
    ["the reconcile script", (path) => run(["deno", "run", "-A", SCRIPT, "--database", path, "--pods", "/dev/null"])],
    ["migrate", (path) => run([PROGRAM, "migrate", "etcd", "--database", path])],
  ];
}

Deno.test("every verb, agent, command and script refuses files that are not our databases, and leaves them unchanged", () =>
  inFolder(async (folder) => {
    await using node = new AgentNode(PROGRAM);
    const agent = await node.start();
    for (const [i, [kind, make, found]] of FOREIGN.entries()) {
      const path = `${folder}/${i}/x.db`;
      await Deno.mkdir(`${folder}/${i}`);
      await make(path);
      const before = await stateOf(`${folder}/${i}`);
      for (const [name, open] of openers(node)) {
        const { code, stdout, stderr } = await open(path);
        const what = `${name} on ${kind}: ${code} ${stdout} ${stderr}`;
        assert.deepEqual(await stateOf(`${folder}/${i}`), before, what);
        if (name.startsWith("GC") || name === "migrate") continue; // they may have no reason to open it
        assert.notEqual(code, 0, what);
        if (!/^[A-Z]/.test(name)) continue;
        const error = JSON.parse(stdout);
        assert.deepEqual([error.code, error.msg.includes(`"${path}"`)], [7, true], what);
        assert.match(error.msg, found, what);
      }
    }
    assert.equal(agent.ended, false);
  }));

Deno.test("verbs, agent and commands work with the databases of earlier releases", () =>
  inFolder(async (folder) => {
    await using node = new AgentNode(PROGRAM);
    await node.start();
    for (const [i, [kind, make, entries]] of OWN.entries()) {
      const path = `${folder}/${i}.db`;
      await make(path);
      const call = (verb: string) => ({ verb, conf: conf(path), containerId: `c${i}` });
      const [direct, served] = [await callPlugin(PROGRAM, call("ADD")), await node.call(call("ADD"))];
      assert.deepEqual([direct.code, served.code], [0, 0], `${kind}: ${direct.stdout} ${served.stdout}`);
      const shown = await run([PROGRAM, "show", "10.9.0.0/24", "--json", "--database", path]);
      assert.equal(shown.code, 0, shown.stderr);
      assert.equal(JSON.parse(shown.stdout)[0].used, entries + 1, `${kind}: ${shown.stdout}`);
    }
  }));

Deno.test("concurrent plugins that create a database get different addresses from it", () =>
  inFolder(async (folder) => {
    const calls = Array.from(
      { length: 12 },
      (_, i) => callPlugin(PROGRAM, { verb: "ADD", conf: conf(`${folder}/x.db`), containerId: `c${i}` }),
    );
    const answers = await Promise.all(calls);
    const addresses = answers.map(({ code, stdout, stderr }) => {
      assert.equal(code, 0, stdout + stderr);
      return JSON.parse(stdout).ips[0].address;
    });
    assert.equal(new Set(addresses).size, calls.length);
  }));
