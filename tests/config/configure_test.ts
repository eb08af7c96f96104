import assert from "node:assert/strict";
import { configure, type Configured } from "../../src/config/configure.ts";
import { ConfigError } from "../../src/config/types.ts";
import { memoryWorld } from "../support/world.ts";

const IPAM = { type: "whereabouts", datastore: "embedded", range: "10.0.0.0/24" };

Deno.test("configure reports the configuration, and logs its warnings to its own log", async () => {
  const world = memoryWorld();
  const files: string[] = [];
  const reported: Configured[] = [];
  const host = {
    world,
    appendLog: (file: string, text: string) => void files.push(`${file}: ${text}`),
    configured: (one: Configured) => void reported.push(one),
    unusable: () => assert.fail("the configuration is valid"),
  };
  const ipam = { ...IPAM, log_level: "warning", log_file: "/var/log/w.log", rnage: "10.0.0.0/24" };
  const configured = await configure(host, { conf: { cniVersion: "1.0.0", name: "net", ipam } });
  assert.deepEqual(reported, [configured]);
  assert.equal(configured.config.network, "net");
  assert.equal(files.length, 1);
  assert.match(files[0] ?? "", /^\/var\/log\/w\.log: .*rnage/);
  assert.deepEqual(world.lines.map((line) => `/var/log/w.log: ${line}\n`), files);
});

Deno.test("configure reports the error of an invalid configuration, and throws it", async () => {
  const world = memoryWorld();
  const reported: unknown[] = [];
  const host = {
    world,
    appendLog: world.appendTextFile,
    configured: () => assert.fail("the configuration is invalid"),
    unusable: (error: unknown) => void reported.push(error),
  };
  const failed = configure(host, { conf: { name: "net", ipam: { ...IPAM, range: "10.0.0.300" } } });
  await assert.rejects(failed, (error) => error instanceof ConfigError && error === reported[0]);
});
