import assert from "node:assert/strict";
import { cidrOf, formatCidr, parseCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import { ConfigError, type IpamConfig } from "../../src/config/types.ts";
import { NoSliceError } from "../../src/ipam/errors.ts";
import { type Ipam, poolOf } from "../../src/ipam/ipam.ts";
import { slicePoolName, sliceRanges } from "../../src/ipam/node_slice.ts";
import { formatPoolKey } from "../../src/pool/types.ts";
import { config, ipamOn, memory, never } from "./lab.ts";

/** A store with these slices: by NodeSlicePool, the slices of nodes, and the range as `range`. */
async function withSlices(
  pools: Record<string, Record<string, string>>,
  run: (ipam: Ipam) => Promise<void>,
): Promise<void> {
  await using driver = await memory();
  const find = (name: string) => {
    const { range = "", refused, ...nodes } = pools[name] ?? {};
    const slices = Object.entries(nodes).map(([node, text]) => {
      const parsed = parseCidr(text);
      assert(parsed);
      return { node, cidr: parsed.cidr };
    });
    return Promise.resolve(pools[name] && { range, slices, ...(refused && { refused }) });
  };
  const ipam = ipamOn(driver);
  const sliced = Object.create(driver, { slices: { value: { find } } });
  await run({ ...ipam, driver: sliced });
}

const node = (name: string) => () => Promise.resolve(name);
const sliced = (ranges: readonly string[], more: Partial<IpamConfig> = {}) =>
  config(ranges, { nodeSliceSize: "/26", ...more });

Deno.test("sliceRanges narrows every range to the node's slice, and keeps bounds and excludes", () =>
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

Deno.test("sliceRanges leaves a configuration without slices unchanged", () =>
  withSlices({}, async (ipam) => {
    const plain = config(["10.0.0.0/24"]);
    assert.equal(await sliceRanges(ipam, plain, () => Promise.reject(new Error("asked")), never()), plain);
  }));

Deno.test("sliceRanges names the node, the range and the object of a missing slice", () =>
  withSlices({ lab: { a: "10.0.0.0/26" } }, async (ipam) => {
    const refused = (error: Error) =>
      error instanceof NoSliceError && /"b".*10\.0\.0\.0\/24.*NodeSlicePool lab.*1 other/.test(error.message);
    await assert.rejects(sliceRanges(ipam, sliced(["10.0.0.0/24"]), node("b"), never()), refused);
    const named = sliced(["10.0.0.0/24"], { networkName: "blue" });
    await assert.rejects(sliceRanges(ipam, named, node("a"), never()), /NodeSlicePool blue: the object does not exist/);
  }));

Deno.test("sliceRanges refuses a slice outside the range, and names both ranges", () =>
  withSlices({ lab: { range: "10.62.0.0/24", a: "10.62.0.0/26" } }, async (ipam) => {
    const refused = (error: Error) =>
      error instanceof NoSliceError && error.message.startsWith(
        "NodeSlicePool lab has range 10.62.0.0/24, this network has 10.63.0.0/24; use different names for the networks",
      );
    await assert.rejects(sliceRanges(ipam, sliced(["10.63.0.0/24"]), node("a"), never()), refused);
    const inside = sliced(["10.62.0.0/16"]); // the slices may belong to other nodes in this network
    await assert.rejects(sliceRanges(ipam, inside, node("a"), never()), NoSliceError);
    const { ranges } = await sliceRanges(ipam, inside, node("a"), never(), "release");
    assert.equal(formatPoolKey(poolOf(inside, ranges[0] ?? assert.fail())), "a/10.62.0.0/26");
  }));

Deno.test("sliceRanges reports why a NodeSlicePool is refused, but not to releases", () =>
  withSlices({ lab: { range: "10.0.0.0/24", a: "10.0.0.0/26", refused: "it overlaps another one" } }, async (ipam) => {
    const config = sliced(["10.0.0.0/24"]);
    await assert.rejects(sliceRanges(ipam, config, node("a"), never()), new NoSliceError("it overlaps another one"));
    assert.equal((await sliceRanges(ipam, config, node("a"), never(), "release")).ranges.length, 1);
  }));

Deno.test("sliceRanges uses the slice inside the range if the node has several", () =>
  withSlices({ lab: { range: "10.1.0.0/24", a: "10.1.0.64/26" } }, async (ipam) => {
    const find = ipam.driver.slices?.find;
    assert(find);
    const former = { node: "a", cidr: cidrOf({ family: 4, value: 0x0a000000n }, 26) };
    const both: typeof find = async (name, signal) => {
      const list = await find(name, signal);
      return list && { ...list, slices: [former, ...list.slices] };
    };
    const driver = Object.create(ipam.driver, { slices: { value: { find: both } } });
    const { ranges } = await sliceRanges({ ...ipam, driver }, sliced(["10.1.0.0/24"]), node("a"), never());
    assert.deepEqual(ranges.map(({ slice }) => slice && formatCidr(slice.cidr)), ["10.1.0.64/26"]);
  }));

Deno.test("sliceRanges refuses a store without slices", async () => {
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
