import assert from "node:assert/strict";
import { openEmbedded } from "../../../drivers/embedded/driver.ts";
import { parseCidr } from "../../../src/address/cidr.ts";
import type { PoolKey } from "../../../src/pool/types.ts";
import { FIRST_TABLES, sqlite } from "./files.ts";

const { signal } = new AbortController();

function keyOf(text: string): PoolKey {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return { network: "", cidr: parsed.cidr };
}

Deno.test("the embedded store divides the ranges of a file of an earlier release, and lists its pools as before", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/whereabouts.db`;
    await sqlite(`${FIRST_TABLES}
      INSERT INTO pools (network, node, range, version) VALUES ('', '', '10.9.0.0/24', 1);
      INSERT INTO pools (network, node, range, version) VALUES ('', '', '10.8.0.0/16', 1);`)(path);
    await using driver = await openEmbedded({ kind: "embedded", path });
    assert.equal((await driver.list(signal)).length, 2, "pools without entries that are not divided");
    assert.deepEqual(await driver.listBlocks?.("", true, signal), []);
    const range = await driver.read(keyOf("10.8.0.0/16"), signal);
    await driver.setMove?.(range, { kind: "divided", size: 24 }, signal);
    assert.deepEqual(await driver.listBlocks?.("", true, signal), [{ cidr: keyOf("10.8.0.0/16").cidr, divided: 24 }]);
    assert.deepEqual((await driver.list(signal)).map(({ key }) => key), [keyOf("10.9.0.0/24")]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
