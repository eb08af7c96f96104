import assert from "node:assert/strict";
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import type { IpamConfig } from "../../src/config/types.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { ElasticSlices } from "../../src/ipam/elastic_slices.ts";
import { AddressUnavailableError, NoSliceError, PoolExhaustedError } from "../../src/ipam/errors.ts";
import type { Ipam } from "../../src/ipam/ipam.ts";
import type { Elastic, Slice } from "../../src/pool/slice_assignment.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { ConflictError, RefusedError, type SliceList, type SliceStore } from "../../src/storage/driver.ts";
import { borrow } from "../../src/storage/wrap.ts";
import { config, ip, ipamOn, memory, never, owner } from "./lab.ts";

/** A NodeSlicePool in memory; its methods behave as the driver's. */
class Lists {
  readonly taken: string[] = [];
  elastic: Elastic | undefined = true;
  refuses = false;
  #list: SliceList;

  constructor(...slices: readonly string[]) {
    this.#list = { range: "10.0.0.0/28", slices: slices.map(slice), epoch: 1, version: 1 };
  }

  find = (): Promise<SliceList> =>
    Promise.resolve({ ...this.#list, ...(this.elastic !== undefined && { elastic: this.elastic }) });

  take = ({ version }: SliceList, { node, cidr }: Slice, epoch: number): Promise<void> => {
    if (this.refuses) return Promise.reject(new RefusedError("not authorized"));
    if (version !== this.#list.version) return Promise.reject(new ConflictError("changed"));
    this.taken.push(`${node} ${formatCidr(cidr)} ${epoch}`);
    this.assign(formatCidr(cidr), node, epoch);
    return Promise.resolve();
  };

  assign(cidr: string, node: string, epoch = this.#list.epoch + 1): void {
    const slices = this.#list.slices.map((one) => formatCidr(one.cidr) === cidr ? { ...one, node } : one);
    this.#list = { ...this.#list, slices, epoch, version: Number(this.#list.version) + 1 };
  }
}

function slice(text: string): Slice {
  const [range = "", node = ""] = text.split(" ");
  return { node, cidr: parseCidr(range)?.cidr ?? assert.fail() };
}

const CONFIG = config(["10.0.0.0/28"], { nodeSliceSize: "/30", nodeSliceElastic: true });

interface Call {
  readonly node?: string;
  readonly recorded?: readonly PoolKey[];
  readonly config?: IpamConfig;
  readonly journal?: boolean;
}

/** A store with a list. `add` returns the address and its pool. */
async function lab(lists: Lists) {
  const driver = await memory();
  const sliced = { ...borrow(driver), slices: lists as unknown as SliceStore };
  const events: string[] = [];
  const ipam: Ipam = { ...ipamOn(driver), driver: sliced, onSlice: (event) => void events.push(event) };
  const noted: string[] = [];
  const add = async (pod: string, { node = "a", recorded = [], config = CONFIG, journal = true }: Call = {}) => {
    const record = (pool: PoolKey) => Promise.resolve(void noted.push(formatPoolKey(pool)));
    const slices = new ElasticSlices(ipam, config, { node, recorded, ...(journal && { record }) }, never());
    const [{ ip, entry }] = await allocate(ipam, config, owner(`${pod}/net1/${pod}`), never(), { slices }) as [
      Awaited<ReturnType<typeof allocate>>[number],
    ];
    return `${formatIp(ip)} ${formatPoolKey(entry.key)}`;
  };
  return { add, noted, events, [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose]() };
}

const fails = (kind: new (message: string) => Error, text: RegExp) => (error: Error) => {
  assert(error instanceof kind, String(error));
  assert.match(error.message, text);
  return true;
};

Deno.test("ElasticSlices uses the slices of its node, then takes the lowest free one, once for concurrent calls", async () => {
  const lists = new Lists("10.0.0.0/30 a", "10.0.0.4/30 b", "10.0.0.8/30", "10.0.0.12/30");
  await using it = await lab(lists);
  for (const octet of [1, 2, 3]) assert.equal(await it.add(`p${octet}`), `10.0.0.${octet} a/10.0.0.0/30`);
  assert.deepEqual(lists.taken, []);
  const more = await Promise.all(["q", "r", "s"].map((name) => it.add(name)));
  assert.deepEqual(more.sort(), [8, 9, 10].map((octet) => `10.0.0.${octet} a/10.0.0.8/30`).sort());
  assert.deepEqual(lists.taken, ["a 10.0.0.8/30 2"]);
  assert.deepEqual([it.noted, it.events], [[], ["taken"]]);
});

Deno.test("ElasticSlices keeps the address that the owner has in any slice of the node", async () => {
  await using it = await lab(new Lists("10.0.0.0/30 a", "10.0.0.4/30 a"));
  for (const name of ["p", "q", "r"]) await it.add(name);
  const fourth = await it.add("s");
  assert.equal(fourth, "10.0.0.4 a/10.0.0.4/30");
  assert.equal(await it.add("s"), fourth);
});

Deno.test("ElasticSlices borrows from the slice with most room, records its pool before, and finds the address again by it", async () => {
  await using it = await lab(new Lists("10.0.0.0/30 a", "10.0.0.4/30 b", "10.0.0.8/30 c"));
  for (const name of ["p", "q", "r"]) await it.add(name);
  await it.add("t", { node: "b" });
  const borrowed = await it.add("s");
  assert.equal(borrowed, "10.0.0.8 c/10.0.0.8/30");
  assert.deepEqual(it.noted, ["c/10.0.0.8/30"]);
  const recorded = [{ network: "", node: "c", cidr: slice("10.0.0.8/30").cidr }];
  assert.equal(await it.add("s", { recorded }), borrowed);
  assert.deepEqual(it.events, ["borrowed"]); // once
});

Deno.test("ElasticSlices prefers the slices of its node to recorded pools in which the owner has no address", async () => {
  await using it = await lab(new Lists("10.0.0.0/30 a", "10.0.0.4/30 b", "10.0.0.8/30 c"));
  const recorded = ["10.0.0.4/30 b", "10.0.0.8/30 c"].map((text) => ({ network: "", ...slice(text) }));
  assert.equal(await it.add("s", { node: "c" }), "10.0.0.8 c/10.0.0.8/30");
  assert.equal(await it.add("s", { recorded }), "10.0.0.8 c/10.0.0.8/30");
  assert.equal(await it.add("t", { recorded }), "10.0.0.1 a/10.0.0.0/30");
});

Deno.test("ElasticSlices writes to no recorded pool that the list does not assign", async () => {
  const lists = new Lists("10.0.0.0/30 a", "10.0.0.8/30 c");
  await using it = await lab(lists);
  lists.assign("10.0.0.8/30", "d");
  const recorded = [{ network: "", node: "c", cidr: slice("10.0.0.8/30").cidr }];
  assert.equal(await it.add("s", { recorded }), "10.0.0.1 a/10.0.0.0/30");
});

Deno.test("ElasticSlices refuses with the reasons why it took and borrowed no address", async () => {
  const full = ["10.0.0.0/30 a", "10.0.0.4/30 b", "10.0.0.8/30"];
  const attempt = async (
    change: (lists: Lists) => void,
    call: Call,
    kind: new (message: string) => Error,
    text: RegExp,
  ) => {
    const lists = new Lists(...full);
    await using it = await lab(lists);
    for (const name of ["p", "q", "r"]) await it.add(name);
    change(lists);
    await assert.rejects(it.add("s", call), fails(kind, text));
  };
  const own = /node "a" has no free address in its slices of NodeSlicePool lab \(10\.0\.0\.0\/30\)/;
  await attempt((lists) => lists.elastic = undefined, {}, PoolExhaustedError, own);
  await attempt(
    (lists) => lists.elastic = "x runs",
    {},
    PoolExhaustedError,
    /takes no further one: x runs; it borrows none/,
  );
  await attempt(
    (lists) => lists.refuses = true,
    { journal: false },
    PoolExhaustedError,
    /not authorized; nodes need the role of elastic-rbac\.yaml; it borrows none: the node keeps no journal/,
  );
  const requesting = { ...CONFIG, requested: [ip("10.0.0.9")] };
  await attempt(
    () => {},
    { config: requesting },
    AddressUnavailableError,
    /10\.0\.0\.9.*outside 10\.0\.0\.0\/30, the slice of node a/,
  );
  await attempt(
    (lists) => lists.elastic = "x runs",
    { node: "z" },
    NoSliceError,
    /node "z" has no slice of NodeSlicePool lab/,
  );
});

Deno.test("ElasticSlices leaves nothing in a slice whose addresses turn out to be reserved for others, and uses the next one", async () => {
  await using driver = await memory();
  const slices = ["10.0.0.0/30 a", "10.0.0.4/30 a"].map(slice);
  const list = { range: "10.0.0.0/28", slices, epoch: 1, version: 1 };
  const ipam = {
    ...ipamOn(driver),
    driver: { ...borrow(driver), slices: { find: () => Promise.resolve(list) } as unknown as SliceStore },
  };
  const other = { network: "", ...owner("other/net1/c0") };
  for (const octet of [1, 2, 3]) {
    await driver.reservations?.reserve({ ...other, ip: ip(`10.0.0.${octet}`) }, never());
  }
  const search = new ElasticSlices(ipam, CONFIG, { node: "a", recorded: [] }, never());
  const [assigned] = await allocate(ipam, CONFIG, owner("web/net1/c1"), never(), { slices: search });
  assert(assigned);
  assert.deepEqual([formatIp(assigned.ip), formatPoolKey(assigned.entry.key)], ["10.0.0.4", "a/10.0.0.4/30"]);
  const entries = (await driver.list(never())).map(({ key, allocations }) => [formatPoolKey(key), allocations.size]);
  assert.deepEqual(entries.filter(([, count]) => count !== 0), [["a/10.0.0.4/30", 1]]);
});
