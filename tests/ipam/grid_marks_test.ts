import assert from "node:assert/strict";
import type { IpamConfig } from "../../src/config/types.ts";
import { divide } from "../../src/ipam/divide.ts";
import { poolsOf } from "../../src/ipam/ipam.ts";
import { resize } from "../../src/ipam/resize.ts";
import { gridKey } from "../../src/pool/grid.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { faulty } from "../support/faulty.ts";
import { callers, config, contents, ipamOn, memory, never, owner } from "./lab.ts";

const WHOLE = config(["10.0.0.0/28"]);
const SIZE = 30;

function divided(of: IpamConfig, prefix: number): IpamConfig {
  return { ...of, ranges: of.ranges.map((one) => ({ ...one, blocks: { prefix } })) };
}

function poolOf(of: IpamConfig): PoolKey {
  return poolsOf(of)[0] ?? assert.fail();
}

Deno.test("divide refuses pools that cannot have blocks, and names what stands in the way", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  const keeper = { kind: "IPAMClaim", name: "vm", uid: "1" } as const;
  const kept = { ...owner("vm/net1/x"), keeper, address: 0x0a02_0001n };
  const sticky = poolOf(config(["10.2.0.0/28"]));
  await driver.commit(await driver.read(sticky, never()), [{ address: kept.address, after: kept }], never());
  await add("a/net1/x", WHOLE);
  await add("b/net1/y", config(["10.0.0.0/27"]));
  await add("c/net1/z", config(["10.3.0.0/28"]));
  await add("d/net1/w", divided(config(["10.8.0.0/27"], { networkName: "fine" }), 29));
  await resize(ipamOn(driver), poolOf(config(["10.3.0.0/28"])), poolOf(config(["10.4.0.0/28"])), {
    dryRun: false,
    signal: never(),
  });
  const slice = { ...poolOf(config(["10.5.0.0/28"])), node: "n1" };
  const cases: readonly (readonly [PoolKey, RegExp])[] = [
    [poolOf(WHOLE), /10\.0\.0\.0\/27 overlaps it and is not divided/],
    [sticky, /IPAMClaim vm keeps an address/],
    [poolOf(config(["10.3.0.0/28"])), /10\.3\.0\.0\/28 is moved to 10\.4\.0\.0\/28/],
    [poolOf(config(["10.6.0.0/30"])), /fits in one block/],
    [slice, /slice of node n1/],
    [poolOf(config(["10.9.0.0/27"], { networkName: "fine" })), /blocks of this network_name are \/29/],
  ];
  for (const [key, message] of cases) {
    const before = await contents(driver);
    await assert.rejects(divide(ipamOn(driver), key, SIZE, { dryRun: false, signal: never() }), message);
    assert.deepEqual(await contents(driver), before, formatPoolKey(key));
    assert.equal((await driver.read(gridKey("", 4), never())).move, undefined);
  }
  const { listBlocks: _, ...older } = faulty(driver, () => undefined);
  const options = { dryRun: false, signal: never() };
  await assert.rejects(divide(ipamOn(older), poolOf(WHOLE), SIZE, options), /"embedded" does not support blocks/);
  const others = [poolOf(config(["10.0.0.0/27"]))];
  const { moved } = await divide(ipamOn(driver), poolOf(WHOLE), SIZE, { ...options, others });
  const wider = await divide(ipamOn(driver), poolOf(config(["10.0.0.0/27"])), SIZE, options);
  assert.deepEqual([moved, wider.moved], [1, 1]);
});
