import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { KnownBlocks } from "../../src/ipam/known_blocks.ts";
import type { BlockFacts } from "../../src/pool/grid.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { never } from "./lab.ts";

const cidr = parseCidr("10.0.0.0/24")?.cidr;
assert(cidr);
const BLOCK: BlockFacts = { cidr, used: 3 };

/** A store whose lists are counted, and a clock that the test moves. */
function lab(answer: () => Promise<BlockFacts[]> = () => Promise.resolve([BLOCK])) {
  let now = 0;
  const lists: boolean[] = [];
  const blocks = new KnownBlocks({ monotonic: () => now });
  const listBlocks = (_network: string, fresh: boolean) => {
    lists.push(fresh);
    return answer();
  };
  const driver = { name: "test", listBlocks };
  return { blocks, driver, lists, pass: (milliseconds: number) => now += milliseconds };
}

Deno.test("KnownBlocks lists a domain once in ten seconds, and concurrent callers share the list", async () => {
  const { blocks, driver, lists, pass } = lab();
  const all = await Promise.all([blocks.list(driver, "", never()), blocks.list(driver, "", never())]);
  assert.deepEqual(all.map((known) => known.get("10.0.0.0/24")), [BLOCK, BLOCK]);
  pass(10_000);
  await blocks.list(driver, "", never());
  assert.deepEqual(lists, [false]);
  pass(1);
  await blocks.list(driver, "", never());
  await blocks.list(driver, "blue", never());
  assert.deepEqual(lists, [false, false, false]);
});

Deno.test("KnownBlocks lists past caches for a call that needs a list of its own time, unless another call has since", async () => {
  const { blocks, driver, lists } = lab();
  await blocks.list(driver, "", never());
  const { count } = blocks;
  await blocks.list(driver, "", never(), count);
  await blocks.list(driver, "", never(), count);
  assert.deepEqual(lists, [false, true]);
});

Deno.test("KnownBlocks forgets a list that failed, and reports the failure", async () => {
  let fails = true;
  const { blocks, driver } = lab(() => fails ? Promise.reject(new Error("down")) : Promise.resolve([]));
  await assert.rejects(blocks.list(driver, "", never()), /down/);
  fails = false;
  assert.equal((await blocks.list(driver, "", never())).size, 0);
});

Deno.test("KnownBlocks notes a created block until the next list, and refuses a driver without blocks", async () => {
  const { blocks, driver, pass } = lab();
  const other = parseCidr("10.0.1.0/24")?.cidr;
  assert(other && cidr);
  await blocks.list(driver, "", never());
  blocks.note({ network: "", cidr: other });
  blocks.note({ network: "", cidr });
  const known = await blocks.list(driver, "", never());
  assert.deepEqual([known.has("10.0.1.0/24"), known.get("10.0.0.0/24")], [true, BLOCK]);
  pass(10_001);
  assert.equal((await blocks.list(driver, "", never())).size, 1);
  await assert.rejects(blocks.list({ name: "old" }, "blue", never()), RefusedError);
});
