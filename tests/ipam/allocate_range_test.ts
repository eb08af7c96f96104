import assert from "node:assert/strict";
import type { IpamConfig } from "../../src/config/types.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { LayoutError } from "../../src/ipam/errors.ts";
import { poolsOf } from "../../src/ipam/ipam.ts";
import { release } from "../../src/ipam/release.ts";
import { blockAt } from "../../src/pool/grid.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { borrow, wrap } from "../../src/storage/wrap.ts";
import { config, contents, ip, ipamOn, memory, never, owner } from "./lab.ts";

const plain = config(["10.0.0.0/28"]);
const NET: IpamConfig = { ...plain, ranges: plain.ranges.map((one) => ({ ...one, blocks: { prefix: 30 } })) };

/** The entries of a store, as `POOL ADDRESS`. */
async function entries(driver: StorageDriver): Promise<string[]> {
  return Object.keys(await contents(driver)).filter((key) => !key.startsWith("reserved"));
}

Deno.test("a repeated ADD keeps its address if its node recorded the block, also after a crash before the answer", async () => {
  await using driver = await memory();
  const ipam = ipamOn(driver);
  const recorded: PoolKey[] = [];
  const onBlock = (key: PoolKey) => Promise.resolve(void recorded.push(key));
  const [first] = await allocate(ipam, NET, owner("a/net1/x"), never(), { onBlock });
  assert.deepEqual(recorded.map(formatPoolKey), ["10.0.0.0/30"]);
  for (let i = 0; i < 2; i++) await allocate(ipam, NET, owner(`p${i}/net1/c${i}`), never());
  const { allocation, key } = first?.entry ?? assert.fail();
  await release(ipam, NET, owner("p0/net1/c0"), never());
  const [again] = await allocate(ipam, NET, owner("a/net1/x"), never(), { recorded });
  assert.deepEqual([again?.fresh, again?.entry.allocation.address], [false, allocation.address]);
  assert.deepEqual(key.cidr, blockAt(ip("10.0.0.1"), 30));
});

Deno.test("requested and preferred addresses are looked for in their block", async () => {
  await using driver = await memory();
  const ipam = ipamOn(driver);
  const [wanted] = await allocate(ipam, { ...NET, requested: [ip("10.0.0.10")] }, owner("a/net1/x"), never());
  assert.equal(wanted?.ip.value, ip("10.0.0.10").value);
  const [preferred] = await allocate(ipam, NET, owner("b/net1/y"), never(), { preferred: ip("10.0.0.6") });
  assert.equal(preferred?.ip.value, ip("10.0.0.6").value);
});

Deno.test("a block that is created while the grid changes is not used", async () => {
  await using driver = await memory();
  const ipam = ipamOn(driver);
  await allocate(ipam, NET, owner("a/net1/x"), never());
  const { setMove } = driver;
  assert(setMove);
  let commits = 0;
  const changing = wrap(borrow(driver), async (operation, work, signal) => {
    const answer = await work(signal);
    if (operation === "commit" && ++commits === 1) {
      const [range] = poolsOf(NET);
      assert(range);
      await setMove.call(driver, await driver.read(range, never()), { kind: "divided", size: 29 }, never());
    }
    return answer;
  });
  const slow = { ...ipamOn(changing), blocks: ipam.blocks };
  const next = { ...NET, requested: [ip("10.0.0.9")] };
  await assert.rejects(allocate(slow, next, owner("b/net1/y"), never()), LayoutError);
  assert.deepEqual(await entries(driver), ["10.0.0.0/30 10.0.0.1"]);
});

Deno.test("a node begins with a block of its own if the network spreads them, and stays there", async () => {
  await using driver = await memory();
  const ipam = ipamOn(driver);
  const wide = config(["10.0.0.0/16"]);
  const ranges = wide.ranges.map((one) => ({ ...one, blocks: { prefix: 28, order: "spread" as const } }));
  const blockOf = async (node: string, who: string) => {
    const [assigned] = await allocate(ipam, { ...wide, ranges }, owner(who), never(), { node });
    return assigned && formatPoolKey(assigned.entry.key);
  };
  const nodes = ["n1", "n2", "n3"];
  const first = await Promise.all(nodes.map((node) => blockOf(node, `a-${node}/net1/a-${node}`)));
  const second = await Promise.all(nodes.map((node) => blockOf(node, `b-${node}/net1/b-${node}`)));
  assert.deepEqual(second, first);
  assert.equal(new Set(first).size, nodes.length);
});
