import assert from "node:assert/strict";
import { readFlatFile } from "../../src/config/files.ts";
import { loadConfig } from "../../src/config/load.ts";
import { memoryWorld } from "../support/world.ts";
import { FLAT_FILE } from "./support.ts";

Deno.test("readFlatFile reads the named or the first existing file, and loadConfig uses its result instead of a search", async () => {
  const files = { "/mounted": '{"enable_overlapping_ranges": false}', [FLAT_FILE]: '{"log_file": "/searched"}' };
  const world = memoryWorld({ files });
  const below = await readFlatFile(world, { named: "/mounted" });
  assert.deepEqual(below.map(({ source }) => source), ["/mounted"]);
  const conf = { name: "n", ipam: { type: "whereabouts", range: "10.0.0.0/24" } };
  const { config } = await loadConfig(world, { conf, below });
  assert.deepEqual([config.overlapping, config.log.file], [false, undefined]);
  assert.equal((await loadConfig(world, { conf, below: [] })).config.log.file, undefined);
  assert.deepEqual((await readFlatFile(world, {})).map(({ source }) => source), [FLAT_FILE]);
  assert.deepEqual(await readFlatFile(memoryWorld(), {}), []);
  await assert.rejects(
    readFlatFile(world, { named: "/absent" }),
    /^ConfigError: Cannot read the configuration file "\/absent"/,
  );
});
