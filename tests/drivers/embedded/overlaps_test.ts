import assert from "node:assert/strict";
import fc from "fast-check";
import { cidrOf } from "../../../src/address/cidr.ts";
import { callers, config, contents, memory, type Records } from "../../ipam/lab.ts";

const OFF = config(["10.0.0.0/25"], { overlapping: false });
const ON = config(["10.0.0.0/24"]);

Deno.test("allocate reserves despite the setting once a network with reservations has addresses of an overlapping range", async () => {
  await using driver = await memory();
  const records: Records = new Map();
  const { add, del } = callers(driver, undefined, undefined, records);
  assert.deepEqual(await add("a/net1/x", ON), ["10.0.0.1"]);
  assert.deepEqual(await add("b/net1/y", OFF), ["10.0.0.2"]);
  assert.deepEqual(await add("b/net1/y", OFF), ["10.0.0.2"], "again");
  assert.deepEqual(records.get("b/net1/y")?.map(({ reserved }) => reserved), [true]);
  assert.deepEqual(await contents(driver), {
    "10.0.0.0/24 10.0.0.1": "a/net1/x",
    "10.0.0.0/25 10.0.0.2": "b/net1/y",
    "reserved 10.0.0.1": "a/net1/x",
    "reserved 10.0.0.2": "b/net1/y",
  });
  for (const who of ["b/net1/y", "a/net1/x"]) await del(who, who === "a/net1/x" ? ON : OFF);
  assert.deepEqual(await contents(driver), {});
});

Deno.test("allocate skips every address of an overlapping network that has made no reservations, and reserves them", async () => {
  await using driver = await memory();
  const records: Records = new Map();
  const { add, del } = callers(driver, undefined, undefined, records);
  for (let i = 1; i <= 30; i++) assert.deepEqual(await add(`p${i}/net1/x`, OFF), [`10.0.0.${i}`]);
  assert.deepEqual(Object.keys(await contents(driver)).filter((what) => what.startsWith("reserved")), []);
  assert.deepEqual(await add("a/net1/x", ON), ["10.0.0.31"]);
  assert.deepEqual(records.get("p1/net1/x")?.map(({ reserved }) => reserved), [false]);
  for (let i = 1; i <= 30; i++) await del(`p${i}/net1/x`, OFF);
  assert.deepEqual(await contents(driver), { "10.0.0.0/24 10.0.0.31": "a/net1/x", "reserved 10.0.0.31": "a/net1/x" });
});

Deno.test("allocate makes no reservations for networks of one range, other domains, or networks that all make none", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  const reserved = async () => Object.keys(await contents(driver)).filter((what) => what.startsWith("reserved"));
  await add("a/net1/x", OFF);
  await add("b/net1/y", config(["10.0.0.0/24"], { overlapping: false }));
  assert.deepEqual(await reserved(), []);
  await add("c/net1/z", config(["10.0.0.0/24"], { networkName: "blue" }));
  await add("d/net1/w", config(["10.0.0.0/25"]));
  assert.deepEqual(await add("e/net1/v", OFF), ["10.0.0.3"]);
  assert.deepEqual(await reserved(), ["reserved 10.0.0.2", "reserved blue 10.0.0.1"]);
});

Deno.test("list marks the pools that read marks, whatever their ranges and owners", async () => {
  const pool = fc.record({
    network: fc.constantFrom("", "blue"),
    node: fc.constantFrom(undefined, "n1"),
    address: fc.integer({ min: 0, max: 63 }),
    prefix: fc.integer({ min: 26, max: 32 }),
    entry: fc.constantFrom("none", "reserved", "unreserved"),
  });
  await fc.assert(fc.asyncProperty(fc.array(pool, { maxLength: 12 }), async (pools) => {
    await using driver = await memory();
    const { signal } = new AbortController();
    for (const { network, node, address, prefix, entry } of pools) {
      const cidr = cidrOf({ family: 4, value: 0x0a000000n + BigInt(address) }, prefix);
      const snapshot = await driver.read({ network, cidr, ...(node !== undefined && { node }) }, signal);
      if (snapshot.version !== 0) continue;
      const owner = {
        podRef: "a/b",
        ifName: "net1",
        containerId: "x",
        ...(entry === "unreserved" && { unreserved: true as const }),
      };
      const changes = entry === "none" ? [] : [{ address: cidr.base, after: { address: cidr.base, ...owner } }];
      await driver.commit({ ...snapshot, mustReserve: true }, changes, signal);
    }
    for (const listed of await driver.list(signal)) {
      assert.deepEqual(listed, await driver.read(listed.key, signal), JSON.stringify(pools));
    }
  }));
});
