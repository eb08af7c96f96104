import assert from "node:assert/strict";
import { readStore } from "../../src/ipam/read_store.ts";
import type { OnPart, OnUnreadable } from "../../src/storage/driver.ts";
import { never } from "./lab.ts";

Deno.test("readStore reads reservations before pools, and what both lists could not read once, however often they repeat it", async () => {
  const read: string[] = [];
  const reported = (found: OnUnreadable | undefined, where: string) => {
    for (const why of ["It is odd", "It is broken", "It is odd"]) found?.({ where, why });
  };
  const list = (_signal: AbortSignal, _part?: OnPart, found?: OnUnreadable) => {
    read.push("pools");
    reported(found, "IPPool a");
    return Promise.resolve([]);
  };
  const reservations = {
    list: (network: string | undefined, _signal: AbortSignal, _part?: OnPart, found?: OnUnreadable) => {
      read.push(`reservations of ${network ?? "every network"}`);
      reported(found, "OverlappingRangeIPReservation b");
      return Promise.resolve([]);
    },
  };
  const { unreadable, ...lists } = await readStore({ list }, reservations, never());
  assert.deepEqual([read, lists], [["reservations of every network", "pools"], { reservations: [], pools: [] }]);
  assert.deepEqual(unreadable.map(({ where, why }) => `${where}: ${why}`), [
    "IPPool a: It is odd",
    "IPPool a: It is broken",
    "OverlappingRangeIPReservation b: It is odd",
    "OverlappingRangeIPReservation b: It is broken",
  ]);
  read.length = 0;
  await readStore({ list }, undefined, never());
  assert.deepEqual(read, ["pools"]);
});
