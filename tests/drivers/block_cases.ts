/**
 * The cases of the contract suite that concern blocks of divided ranges.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Cidr, formatCidr, parseCidr } from "../../src/address/cidr.ts";
import type { BlockFacts } from "../../src/pool/grid.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { ConflictError, type StorageDriver } from "../../src/storage/driver.ts";
import type { Store } from "./contract.ts";

/** The cases by their exact names. */
export const blockCases: Readonly<Record<string, (store: Store) => Promise<void>>> = {
  "lists blocks with the number of their entries after each commit, and no other pool or domain": async (store) => {
    await using driver = await store.open();
    assert(driver.listBlocks, "the driver lists no blocks: skip this case with a reason");
    assert.deepEqual(await listed(driver, ""), {});
    const plain = await driver.commit(await driver.read(keyOf("10.9.2.0/24"), never()), [put("10.9.2.1")], never());
    await driver.commit(await driver.read(keyOf("10.9.3.0/24", "blue"), never()), [put("10.9.3.1")], never());
    const absent = await driver.read(keyOf("10.9.1.0/24"), never());
    assert.equal(absent.block, undefined);
    const one = await driver.commit({ ...absent, block: true }, [put("10.9.1.1"), put("10.9.1.9")], never());
    assert.deepEqual(await listed(driver, ""), { "10.9.1.0/24": { used: 2 } });
    const two = await driver.commit(one, [put("10.9.1.2")], never());
    assert.deepEqual(await listed(driver, ""), { "10.9.1.0/24": { used: 3 } });
    await driver.commit(two, [remove("10.9.1.1"), remove("10.9.1.2")], never());
    await driver.commit({ ...plain, block: true }, [put("10.9.2.2")], never());
    const v6 = await driver.read(keyOf("fd00::100/120"), never());
    await driver.commit({ ...v6, block: true }, [put("fd00::101")], never());
    const expected = { "10.9.1.0/24": { used: 1 }, "10.9.2.0/24": { used: 2 }, "fd00::100/120": { used: 1 } };
    assert.deepEqual(await listed(driver, ""), expected);
    assert.deepEqual(await listed(driver, "blue"), {});
    const blue = await driver.read(keyOf("10.9.1.0/24", "blue"), never());
    await driver.commit({ ...blue, block: true }, [put("10.9.1.1")], never());
    assert.deepEqual(await listed(driver, "blue"), { "10.9.1.0/24": { used: 1 } });
    assert.deepEqual(await listed(driver, ""), expected);
    for (const pool of [await driver.read(keyOf("10.9.1.0/24"), never()), one, two]) assert.equal(pool.block, true);
    const pools = await driver.list(never());
    assert.deepEqual(pools.map(({ block }) => block).sort(), [true, true, true, true, undefined]);
  },
  "lists divided pools with the size of their blocks, and shows them as pools only if they have entries": async (
    store,
  ) => {
    await using driver = await store.open();
    assert(driver.listBlocks && driver.setMove, "the driver divides no pools: skip this case with a reason");
    const [range, grid, other] = [keyOf("10.9.0.0/16"), keyOf("0.0.0.0/0"), keyOf("::/0", "blue")];
    for (const key of [range, grid, other]) {
      const divided = await driver.setMove(await driver.read(key, never()), { kind: "divided", size: 24 }, never());
      assert.deepEqual([divided.move, (await driver.read(key, never())).move], [DIVIDED, DIVIDED]);
    }
    const marks = { "0.0.0.0/0": { divided: 24 }, "10.9.0.0/16": { divided: 24 } };
    assert.deepEqual(await listed(driver, ""), marks);
    assert.deepEqual(await listed(driver, "blue"), { "::/0": { divided: 24 } });
    assert.deepEqual(await driver.list(never()), []);
    const whole = await driver.setMove(await driver.read(range, never()), undefined, never());
    assert.deepEqual(await listed(driver, ""), { "0.0.0.0/0": { divided: 24 } });
    const used = await driver.commit(whole, [put("10.9.0.1")], never());
    await driver.setMove(used, DIVIDED, never());
    assert.deepEqual((await driver.list(never())).map(({ key, move }) => [formatCidr(key.cidr), move]), [
      ["10.9.0.0/16", DIVIDED],
    ]);
    await assert.rejects(driver.commit(used, [put("10.9.0.2")], never()), ConflictError);
  },
};

const DIVIDED = { kind: "divided", size: 24 } as const;

/** The listed blocks of a domain by their CIDR. */
async function listed(driver: StorageDriver, network: string): Promise<Record<string, Omit<BlockFacts, "cidr">>> {
  const all = await driver.listBlocks?.(network, true, never()) ?? [];
  const facts = all.map(({ cidr, ...rest }) => [formatCidr(cidr), rest] as const);
  return Object.fromEntries(facts.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function cidrOf(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return parsed.cidr;
}

function keyOf(text: string, network = ""): PoolKey {
  return { network, cidr: cidrOf(text) };
}

function allocationOf(text: string) {
  const parsed = parseCidr(`${text}/${text.includes(":") ? 128 : 32}`);
  assert(parsed, text);
  return { address: parsed.ip.value, podRef: `default/p${text.length}`, ifName: "net1", containerId: `c-${text}` };
}

function put(text: string) {
  const after = allocationOf(text);
  return { address: after.address, after };
}

function remove(text: string) {
  const before = allocationOf(text);
  return { address: before.address, before };
}

function never(): AbortSignal {
  return new AbortController().signal;
}
