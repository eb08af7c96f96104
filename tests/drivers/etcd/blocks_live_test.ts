import assert from "node:assert/strict";
import { keyOf, NEVER } from "../kubernetes/live.ts";
import { LEAKY, onEtcd } from "./lab.ts";

Deno.test({
  name:
    "the etcd driver writes the number of entries beside the pool, in the same transaction, and removes the mark of the grid",
  ...LEAKY,
  fn: () =>
    onEtcd(async ({ client, driver }) => {
      const [block, range] = [keyOf("10.9.1.0/24"), keyOf("10.9.0.0/16")];
      const after = { address: block.cidr.base + 5n, podRef: "default/a", ifName: "net1", containerId: "c1" };
      const absent = await driver.read(block, NEVER);
      await driver.commit({ ...absent, block: true }, [{ address: after.address, after }], NEVER);
      const value = () => client.get("/whereabouts/blocks/_/10.9.1.0/24").string();
      assert.equal(await value(), "1");
      const stale = { ...absent, block: true as const };
      await assert.rejects(driver.commit(stale, [{ address: after.address + 1n, after }], NEVER));
      assert.equal(await value(), "1");
      const divided = await driver.setMove?.(await driver.read(range, NEVER), { kind: "divided", size: 24 }, NEVER);
      assert(divided);
      assert.equal(await client.get("/whereabouts/blocks/_/10.9.0.0/16").string(), "divided /24");
      await driver.setMove?.(divided, undefined, NEVER);
      assert.equal(await client.get("/whereabouts/blocks/_/10.9.0.0/16").string(), null);
      assert.deepEqual(await driver.unreadable?.(NEVER), []);
    }),
});
