import assert from "node:assert/strict";
import { RESERVED_FOR, ReservedAddresses } from "../../src/ipam/reserved.ts";
import type { Ip } from "../../src/address/ip.ts";
import type { Reservations } from "../../src/storage/driver.ts";
import { ip, memory, never, owner } from "./lab.ts";

/** Reserved addresses on a clock, of a store whose lists the test answers. */
function bench() {
  let now = 0;
  const lists: PromiseWithResolvers<Ip[]>[] = [];
  const listAddresses = () => {
    const list = Promise.withResolvers<Ip[]>();
    lists.push(list);
    return list.promise;
  };
  const reserved = new ReservedAddresses({ monotonic: () => now });
  const reservations = { listAddresses } as unknown as Reservations;
  return {
    ...{ lists, reserved },
    list: (since = reserved.count, signal = never()) => reserved.list(reservations, "", 4, since, signal),
    recall: (network = "") => values(reserved.recall(network, 4)),
    pass: (milliseconds: number) => now += milliseconds,
  };
}

const [ONE, TWO] = [ip("10.0.0.1"), ip("10.0.0.2")];
const values = (addresses: ReadonlySet<bigint>) => [...addresses];

Deno.test("ReservedAddresses remembers the last list of a network for a second, by family", async () => {
  const { lists, reserved, list, recall, pass } = bench();
  assert.deepEqual(recall(), []);
  const listed = list();
  lists[0]?.resolve([ONE, TWO, { family: 6, value: ONE.value }, ip("fd00::1")]);
  assert.deepEqual(values(await listed), [ONE.value, TWO.value]);
  pass(RESERVED_FOR);
  assert.deepEqual([recall(), recall("blue")], [[ONE.value, TWO.value], []]);
  assert.deepEqual(values(reserved.recall("", 6)), [ONE.value, ip("fd00::1").value]);
  pass(1);
  assert.deepEqual(recall(), []);
});

Deno.test("ReservedAddresses shares a list among the calls that need none newer", async () => {
  const { lists, reserved, list } = bench();
  const since = reserved.count;
  const both = [list(since), list(since)];
  assert.equal(lists.length, 1);
  lists[0]?.resolve([ONE]);
  await Promise.all(both);
  await list(since);
  assert.equal(lists.length, 1);
  const newer = list(reserved.count);
  assert.equal(lists.length, 2);
  lists[1]?.resolve([TWO]);
  assert.deepEqual(values(await newer), [TWO.value]);
});

Deno.test("ReservedAddresses lists again for a call whose shared list ended with another call", async () => {
  const { lists, reserved, list } = bench();
  const since = reserved.count;
  const [ending, waiting] = [list(since), list(since)];
  const gone = new AbortController();
  const leaving = list(since, gone.signal);
  gone.abort(new Error("gone"));
  await assert.rejects(leaving, /gone/);
  lists[0]?.reject(new Error("ended"));
  await assert.rejects(ending, /ended/);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(lists.length, 2);
  lists[1]?.resolve([ONE]);
  assert.deepEqual(values(await waiting), [ONE.value]);
});

Deno.test("ReservedAddresses forgets an address whose reservation was released", async () => {
  const { lists, reserved, list, recall } = bench();
  const listed = list();
  lists[0]?.resolve([ONE, TWO]);
  await listed;
  for (const [network, released] of [["blue", ONE], ["", ip("fd00::1")], ["", TWO]] as const) {
    reserved.forget(network, released);
  }
  assert.deepEqual(recall(), [ONE.value]);
});

Deno.test("ReservedAddresses lists the reservations of a store that cannot list addresses alone", async () => {
  await using driver = await memory();
  assert(driver.reservations && !driver.reservations.listAddresses);
  for (const network of ["", "blue"]) {
    await driver.reservations.create({ ...owner("a/net1/x"), network, ip: network === "" ? ONE : TWO }, never());
  }
  const reserved = new ReservedAddresses({ monotonic: () => 0 });
  assert.deepEqual(values(await reserved.list(driver.reservations, "", 4, 0, never())), [ONE.value]);
});
