import assert from "node:assert/strict";
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import { ConfigError, type IpamConfig } from "../../src/config/types.ts";
import { NoSliceError } from "../../src/ipam/errors.ts";
import { type Ipam, poolOf } from "../../src/ipam/ipam.ts";
import { slicePoolName, sliceRanges } from "../../src/ipam/slices.ts";
import { formatPoolKey } from "../../src/pool/types.ts";
import { config, ipamOn, memory, never } from "./lab.ts";

/** A store with these slices: names of NodeSlicePools, then nodes with their slices. */
async function withSlices(
  pools: Record<string, Record<string, string>>,
  run: (ipam: Ipam) => Promise<void>,
): Promise<void> {
  await using driver = await memory();
  const find = (name: string) =>
    Promise.resolve(
      pools[name] && Object.entries(pools[name]).map(([node, text]) => {
        const parsed = parseCidr(text);
        assert(parsed);
        return { node, cidr: parsed.cidr };
      }),
    );
  const ipam = ipamOn(driver);
  const sliced = Object.create(driver, { slices: { value: { find } } });
  await run({ ...ipam, driver: sliced });
}

const node = (name: string) => () => Promise.resolve(name);
const sliced = (ranges: readonly string[], more: Partial<IpamConfig> = {}) =>
  config(ranges, { nodeSliceSize: "/26", ...more });

Deno.test("sliceRanges narrows every range to the node's slice, bounds and excludes kept", () =>
  withSlices(
    { lab: { a: "10.0.0.0/26", b: "10.0.0.64/26" }, "lab-fd00---120": { b: "fd00::80/121" } },
    async (ipam) => {
      const { ranges } = await sliceRanges(
        ipam,
        sliced(["10.0.0.70-10.0.0.200/24!10.0.0.72", "fd00::/120"]),
        node("b"),
        never(),
      );
      const seen = ranges.map((range) => [
        formatPoolKey(poolOf({ networkName: "" }, range)),
        formatCidr(range.cidr),
        ...[range.first, range.last].map((value) => formatIp({ family: range.cidr.family, value })),
        range.excludes.length,
      ]);
      assert.deepEqual(seen, [
        ["b/10.0.0.64/26", "10.0.0.0/24", "10.0.0.70", "10.0.0.127", 1],
        ["b/fd00::80/121", "fd00::/120", "fd00::80", "fd00::fe", 0],
      ]);
    },
  ));

Deno.test("sliceRanges leaves a configuration without slices alone", () =>
  withSlices({}, async (ipam) => {
    const plain = config(["10.0.0.0/24"]);
    assert.equal(await sliceRanges(ipam, plain, () => Promise.reject(new Error("asked")), never()), plain);
  }));

Deno.test("sliceRanges names the node, the range and the object when there is no slice", () =>
  withSlices({ lab: { a: "10.0.0.0/26" } }, async (ipam) => {
    const refused = (error: Error) =>
      error instanceof NoSliceError && /"b".*10\.0\.0\.0\/24.*NodeSlicePool lab.*1 other/.test(error.message);
    await assert.rejects(sliceRanges(ipam, sliced(["10.0.0.0/24"]), node("b"), never()), refused);
    const named = sliced(["10.0.0.0/24"], { networkName: "blue" });
    await assert.rejects(sliceRanges(ipam, named, node("a"), never()), /NodeSlicePool blue: there is no such object/);
  }));

Deno.test("sliceRanges refuses a store that keeps no slices", async () => {
  await using driver = await memory();
  const refused = (error: Error) => error instanceof ConfigError && /node_slice_size.*embedded/.test(error.message);
  await assert.rejects(sliceRanges(ipamOn(driver), sliced(["10.0.0.0/24"]), node("a"), never()), refused);
});

Deno.test("slicePoolName is the original's for the first range", () => {
  const { ranges } = config(["10.0.0.0/8", "fd00::/64"]);
  const names = (networkName: string) =>
    ranges.map((range, i) => slicePoolName({ network: "net", networkName }, range, i));
  assert.deepEqual(names(""), ["net", "net-fd00---64"]);
  assert.deepEqual(names("blue"), ["blue", "blue-fd00---64"]);
});
