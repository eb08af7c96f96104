import assert from "node:assert/strict";
import { AgentNode } from "../support/agent.ts";
import { binary } from "../support/binary.ts";
import { eventually, run } from "../support/process.ts";

const PLUGIN = await binary();

Deno.test("an agent serves calls and probes while another process uses its HTTP address, and serves HTTP once it is free", async () => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${other.addr.port}`;
  await using node = new AgentNode(PLUGIN, { args: ["--http-address", address] });
  const probe = () => run([PLUGIN, "agent", "--probe", "--socket", node.socket]);
  const before = await probe();
  assert.deepEqual([before.code, before.stderr], [1, `No agent listens on ${node.socket}\n`]);
  const agent = await node.start();
  const after = await probe();
  assert.deepEqual([after.code, after.stderr, after.stdout], [0, "", ""]);
  assert.equal((await node.ask({ verb: "VERSION", conf: {} })).code, 0);
  const log = () => Deno.readTextFileSync(`${node.folder}/agent.log`);
  await eventually("the retry is logged", () => Promise.resolve(log().includes("Cannot serve HTTP; retrying")));
  assert.match(log(), new RegExp(`address="?${address}`));
  other.close();
  const get = async (path: string) => await (await fetch(`http://${address}${path}`).catch(() => undefined))?.text();
  const health = () => get("/healthz");
  await eventually("HTTP is served", async () => await health() === "ok\n");
  assert.match(
    await get("/metrics") ?? "",
    /^process_cpu_seconds_total [\d.]+$[^]*^whereabouts_agent_requests_total\{/m,
  );
  Deno.kill(agent.pid, "SIGTERM");
  await eventually("the agent ended", async () => await health() === undefined && !node.listens());
});
