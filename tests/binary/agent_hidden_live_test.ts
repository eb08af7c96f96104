import assert from "node:assert/strict";
import { AgentNode } from "../support/agent.ts";
import { addressesOf, assertAgreement } from "../support/agreement.ts";
import { binary, type Call } from "../support/binary.ts";
import { makeKube } from "../support/kube.ts";

const PLUGIN = await binary();

/** A node whose agent does not see a folder of the host, as an agent in a container does not. */
class HiddenNode extends AgentNode {
  readonly hidden: string;

  constructor() {
    const hidden = Deno.makeTempDirSync({ prefix: "hidden-" });
    const wrapper = `${hidden}.sh`;
    const command = `mount -t tmpfs tmpfs '${hidden}' && exec '${PLUGIN}' "$@"`;
    Deno.writeTextFileSync(
      wrapper,
      `#!/bin/sh\nexec unshare --mount sh -c '${command.replaceAll("'", `'\\''`)}' sh "$@"\n`,
      {
        mode: 0o755,
      },
    );
    super(PLUGIN, { agent: wrapper });
    this.hidden = hidden;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await Deno.remove(this.hidden, { recursive: true });
    await Deno.remove(`${this.hidden}.sh`);
  }
}

const SERVED_DIRECTLY =
  /^The agent at .* did not serve the call, so it is served directly: it closed without an answer$/;

Deno.test("plugins serve calls directly if the agent cannot see the kubeconfig, with the same result", async () => {
  await using kube = await makeKube();
  await using node = new HiddenNode();
  await node.start();
  const kubeconfig = `${node.hidden}/kubeconfig`;
  await Deno.copyFile(kube.kubeconfig, kubeconfig);
  const of = (path: string) => (verb: string, i: number): Call => {
    const ipam = { type: "whereabouts", kubernetes: { kubeconfig: path }, range: "10.80.0.0/24", log_level: "panic" };
    return { verb, conf: { cniVersion: "1.1.0", name: "net", ipam }, containerId: `c${i}`, pod: `p${i}` };
  };
  const live = new Map<string, readonly string[]>();
  for (let i = 0; i < 6; i++) {
    const { code, stdout, stderr } = await node.call(of(i % 2 === 0 ? kubeconfig : kube.kubeconfig)("ADD", i));
    assert.equal(code, 0, stdout);
    if (i % 2 === 0) assert.match(stderr.trim(), SERVED_DIRECTLY);
    else assert.equal(stderr, "");
    live.set(`c${i}`, addressesOf(stdout));
  }
  await assertAgreement(kube, node, live);
  for (const i of [0, 1]) {
    assert.equal((await node.call(of(kubeconfig)("DEL", i))).code, 0);
    live.delete(`c${i}`);
  }
  await assertAgreement(kube, node, live);
});

Deno.test("plugins serve calls directly if the agent cannot see the database, and the agent creates no other", async () => {
  await using node = new HiddenNode();
  await node.start();
  const ipam = {
    type: "whereabouts",
    datastore: "embedded",
    database: `${node.hidden}/whereabouts.db`,
    range: "10.81.0.0/24",
    log_level: "panic",
  };
  const conf = { cniVersion: "1.1.0", name: "net", ipam };
  const assigned: string[] = [];
  for (let i = 0; i < 4; i++) {
    if (i === 2) await node.kill(); // the allocations are known without the agent
    const { code, stdout } = await node.call({ verb: "ADD", conf, containerId: `c${i}`, pod: `p${i}` });
    assert.equal(code, 0, stdout);
    assigned.push(...addressesOf(stdout));
  }
  assert.deepEqual(assigned, ["10.81.0.1", "10.81.0.2", "10.81.0.3", "10.81.0.4"]);
});

Deno.test("plugins report an invalid configuration, with or without an agent", async () => {
  await using node = new HiddenNode();
  await node.start();
  const ipam = { type: "whereabouts", datastore: "embedded", range: "10.82.0.0", log_level: "panic" };
  const conf = { cniVersion: "1.1.0", name: "net", ipam };
  const { code, stdout } = await node.call({ verb: "ADD", conf, containerId: "c", pod: "p" });
  assert.deepEqual([code, JSON.parse(stdout).code], [1, 7]);
  assert.match(JSON.parse(stdout).msg, /ipam\.range/);
});
