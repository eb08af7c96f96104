import assert from "node:assert/strict";
import type { IpRange } from "../../src/address/range.ts";
import { AddressUnavailableError, PoolExhaustedError } from "../../src/ipam/errors.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { faulty } from "../support/faulty.ts";
import {
  assertAgreement,
  callers,
  config,
  contents,
  ip,
  ipamOn,
  memory,
  never,
  owner,
  range,
  withoutReservations,
} from "./lab.ts";

const DUAL = config(["10.0.0.0/24", "2001:db8::/64"]);

Deno.test("allocate returns an address of each range, in order, with entry and reservation", async () => {
  await using driver = await memory();
  assert.deepEqual(await callers(driver).add("a/net1/x", DUAL), ["10.0.0.1", "2001:db8::1"]);
  assert.deepEqual(await contents(driver), {
    "10.0.0.0/24 10.0.0.1": "a/net1/x",
    "2001:db8::/64 2001:db8::1": "a/net1/x",
    "reserved 10.0.0.1": "a/net1/x",
    "reserved 2001:db8::1": "a/net1/x",
  });
});

Deno.test("allocate returns the same address again, and the next one to the next owner", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(await add("a/net1/x", DUAL), ["10.0.0.1", "2001:db8::1"]);
    assert.deepEqual(await add("b/net1/y", DUAL), ["10.0.0.2", "2001:db8::2"]);
    assert.deepEqual(await add("a/net2/x", DUAL), ["10.0.0.3", "2001:db8::3"]);
  }
  await assertAgreement(driver);
});

Deno.test("allocate takes over a pod's addresses and reservations for its next sandbox", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  await add("a/net1/old", DUAL);
  assert.deepEqual(await add("a/net1/new", DUAL), ["10.0.0.1", "2001:db8::1"]);
  assert.deepEqual(await del("a/net1/old", DUAL), []);
  await assertAgreement(driver);
  assert.equal((await contents(driver))["reserved 10.0.0.1"], "a/net1/new");
});

Deno.test("allocate returns the prefix, and the gateway of the same family", async () => {
  await using driver = await memory();
  const gateway = ip("10.0.0.254");
  const [four, six] = await allocate(ipamOn(driver), { ...DUAL, gateway }, owner("a/net1/x"), never());
  assert.equal(four?.prefix, 24);
  assert.deepEqual(four?.gateway, gateway);
  assert.equal(six?.prefix, 64);
  assert.equal(six?.gateway, undefined);
});

Deno.test("allocate makes no reservation if overlapping ranges are off", async () => {
  await using driver = await memory();
  await callers(driver).add("a/net1/x", { ...DUAL, overlapping: false });
  assert.deepEqual(Object.keys(await contents(driver)), ["10.0.0.0/24 10.0.0.1", "2001:db8::/64 2001:db8::1"]);
});

Deno.test("allocate treats networks independently", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  assert.deepEqual(await add("a/net1/x", { ...DUAL, networkName: "blue" }), ["10.0.0.1", "2001:db8::1"]);
  assert.deepEqual(await add("b/net1/y", { ...DUAL, networkName: "red" }), ["10.0.0.1", "2001:db8::1"]);
});

Deno.test("allocate rolls back if a later range is full", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  const small = config(["10.0.0.0/24", "10.9.0.0/30", "10.8.0.0/24"]);
  await add("a/net1/x", small);
  await add("b/net1/y", small);
  const before = await contents(driver);
  await assert.rejects(add("c/net1/z", small), (error) => {
    assert(error instanceof PoolExhaustedError);
    assert.match(error.message, /pool 10\.9\.0\.0\/30 has no free address from 10\.9\.0\.1 to 10\.9\.0\.2/);
    return true;
  });
  assert.deepEqual(await contents(driver), before);
});

Deno.test("allocate returns addresses to the former sandbox if a takeover fails", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  const first = config(["10.0.0.0/24"]);
  await add("a/net1/old", first);
  await add("b/net1/y", config(["10.9.0.1-10.9.0.1/30"]));
  await assert.rejects(add("a/net1/new", config(["10.0.0.0/24", "10.9.0.1-10.9.0.1/30"])), PoolExhaustedError);
  assert.equal((await contents(driver))["10.0.0.0/24 10.0.0.1"], "a/net1/old");
  await del("a/net1/old", first);
  await del("b/net1/y", config(["10.9.0.0/30"]));
  assert.deepEqual(await contents(driver), {});
});

Deno.test("allocate never allocates one address twice across overlapping pools: Q-46, Q-08", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  const wide = config(["10.0.0.0/24"]);
  const narrow = config(["10.0.0.0/25"]);
  assert.deepEqual(await add("a/net1/x", wide), ["10.0.0.1"]);
  assert.deepEqual(await add("a/net2/x", narrow), ["10.0.0.2"]);
  assert.deepEqual(await add("b/net1/y", narrow), ["10.0.0.3"]);
  assert.deepEqual(await add("c/net1/z", wide), ["10.0.0.4"]);
  await assertAgreement(driver);
  assert.deepEqual(await del("a/net1/x", wide), ["10.0.0.1"]);
  await assertAgreement(driver);
  assert.deepEqual(await add("d/net1/w", narrow), ["10.0.0.1"]);
  await assertAgreement(driver);
});

Deno.test("allocate allocates two addresses for two ranges of one attachment, equal or overlapping", async () => {
  for (
    const ranges of [["10.0.0.0/24", "10.0.0.0/25"], ["10.0.0.0/25", "10.0.0.0/24"], ["10.0.0.0/24", "10.0.0.0/24"]]
  ) {
    await using driver = await memory();
    const { add, del, check } = callers(driver);
    const both = config(ranges);
    for (const overlapping of [true, false]) {
      const given = await add("a/net1/x", { ...both, overlapping });
      assert.deepEqual(given, ["10.0.0.1", "10.0.0.2"]);
      await check("a/net1/x", both, given);
    }
    await assertAgreement(driver);
    assert.deepEqual((await del("a/net1/x", both)).sort(), ["10.0.0.1", "10.0.0.2"]);
    assert.deepEqual(await contents(driver), {});
  }
});

Deno.test("allocate skips any number of foreign reservations after one list: Q-12", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  for (let i = 1; i <= 150; i++) await add(`p${i}/net1/x`, config(["10.0.0.0/24"]));
  const asked: string[] = [];
  const watching = callers(driver, ({ method }) => void asked.push(method));
  assert.deepEqual(await watching.add("a/net1/x", config(["10.0.0.0/16"])), ["10.0.0.151"]);
  assert(asked.length <= 8, asked.join(" "));
  assert.equal(asked.filter((method) => method === "reservation.list").length, 1);
  await assertAgreement(driver);
});

Deno.test("allocate replaces an own entry whose address is reserved for another owner: Q-11", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  await callers(withoutReservations(driver)).add("a/net1/x", config(["10.0.0.0/25"]));
  await add("b/net1/y", config(["10.0.0.0/24"]));
  assert.deepEqual(await add("a/net1/x", config(["10.0.0.0/25"])), ["10.0.0.2"]);
  await assertAgreement(driver);
  assert.deepEqual(await contents(driver), {
    "10.0.0.0/24 10.0.0.1": "b/net1/y",
    "10.0.0.0/25 10.0.0.2": "a/net1/x",
    "reserved 10.0.0.1": "b/net1/y",
    "reserved 10.0.0.2": "a/net1/x",
  });
});

Deno.test("allocate reports that every free address is reserved elsewhere, and keeps nothing", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  await add("a/net1/x", config(["10.0.0.0/24"]));
  await add("b/net1/y", config(["10.0.0.0/24"]));
  const before = await contents(driver);
  await assert.rejects(add("c/net1/z", config(["10.0.0.0/30"])), PoolExhaustedError);
  assert.deepEqual(await contents(driver), before);
});

Deno.test("allocate takes over a reservation of the pod without an interface", async () => {
  await using driver = await memory();
  await driver.reservations?.reserve({ ...owner("a//"), network: "", ip: ip("10.0.0.1") }, never());
  assert.deepEqual(await callers(driver).add("a/net1/x", config(["10.0.0.0/24"])), ["10.0.0.1"]);
  await assertAgreement(driver);
});

Deno.test("allocate allocates requested addresses, each from a range that contains it, and returns the same again", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  const wanted = { ...DUAL, requested: [ip("2001:db8::77"), ip("10.0.0.50")] };
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await add("a/net1/x", wanted), ["10.0.0.50", "2001:db8::77"]);
  }
  const twice = { ...config(["10.7.0.0/24", "10.7.0.0/24"]), requested: [ip("10.7.0.9")] };
  for (let round = 0; round < 2; round++) assert.deepEqual(await add("b/net1/y", twice), ["10.7.0.9", "10.7.0.1"]);
  const over = { ...config(["10.6.0.0/24", "10.6.0.0/25"]), requested: [ip("10.6.0.9"), ip("10.6.0.8")] };
  for (let round = 0; round < 2; round++) assert.deepEqual(await add("c/net1/z", over), ["10.6.0.9", "10.6.0.8"]);
  await assertAgreement(driver);
  for (const [who, of] of [["a/net1/x", wanted], ["b/net1/y", twice], ["c/net1/z", over]] as const) await del(who, of);
  assert.deepEqual(await contents(driver), {});
});

Deno.test("allocate leaves the previous address to its sandbox when another one is requested", async () => {
  await using driver = await memory();
  const { add, del } = callers(driver);
  const plain = config(["10.0.0.0/24"]);
  await add("a/net1/old", plain);
  assert.deepEqual(await add("a/net1/new", { ...plain, requested: [ip("10.0.0.50")] }), ["10.0.0.50"]);
  assert.deepEqual(await del("a/net1/old", plain), ["10.0.0.1"]);
  await assertAgreement(driver);
  assert.deepEqual(await del("a/net1/new", plain), ["10.0.0.50"]);
  assert.deepEqual(await contents(driver), {});
});

Deno.test("allocate refuses a requested address that is in use in this or another pool, and keeps nothing", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  const plain = config(["10.0.0.0/24"]);
  await add("a/net1/x", plain);
  const before = await contents(driver);
  for (
    const [cidr, text, message] of [
      [
        "10.0.0.0/24",
        "10.0.0.1",
        /requested address 10\.0\.0\.1 of pool 10\.0\.0\.0\/24: it is allocated to a \(net1\)$/,
      ],
      [
        "10.0.0.0/25",
        "10.0.0.1",
        /requested address 10\.0\.0\.1 of pool 10\.0\.0\.0\/25: it is in use outside this pool$/,
      ],
      ["10.0.0.0/24", "10.0.0.255", /10\.0\.0\.255 .*broadcast/],
      ["10.0.0.0/16", "10.0.3.0", /10\.0\.3\.0 .*never allocated/],
    ] as const
  ) {
    await assert.rejects(add("b/net1/y", { ...config([cidr]), requested: [ip(text)] }), (error) => {
      assert(error instanceof AddressUnavailableError, String(error));
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(await contents(driver), before);
  }
});

/** A range, an address that it never allocates, and the reason. */
const WITHHELD:
  readonly (readonly [range: Partial<IpRange> & { readonly text: string }, requested: string, why: RegExp])[] = [
    [
      { text: "10.0.0.100-10.0.0.200/24" },
      "10.0.0.99",
      /outside the bounds 10\.0\.0\.100 to 10\.0\.0\.200 of the range$/,
    ],
    [{ text: "10.0.0.100-10.0.0.200/24" }, "10.0.0.201", /outside the bounds/],
    [{ text: "10.0.0.0/24!10.0.0.7!10.0.0.8" }, "10.0.0.8", /excluded from the range \(10\.0\.0\.7 to 10\.0\.0\.8\)$/],
    [
      { text: "10.0.0.0/24!10.0.0.1", keptFree: [ip("10.0.0.1").value] },
      "10.0.0.1",
      /the gateway, .*exclude_gateway is false$/,
    ],
    [
      { text: "10.0.0.64-10.0.0.127/24", slice: { node: "n7", cidr: range("10.0.0.64/26").cidr } },
      "10.0.0.9",
      /outside 10\.0\.0\.64\/26, the slice of node n7$/,
    ],
    [{ text: "10.0.0.0/24", picks: [ip("10.0.0.9").value] }, "10.0.0.8", /it is not one of pick_addresses$/],
    [{ text: "fd00::/64!fd00::7" }, "fd00::7", /excluded from the range \(fd00::7 to fd00::7\)$/],
  ];

Deno.test("allocate refuses a requested address that the range never allocates, names the reason, and keeps nothing", async () => {
  for (const [{ text, ...more }, requested, why] of WITHHELD) {
    await using driver = await memory();
    const asked = { ...config(["10.9.0.0/24"]), requested: [ip(requested)] };
    const ranges = [...asked.ranges, { ...range(text), ...more }];
    await assert.rejects(callers(driver).add("a/net1/x", { ...asked, ranges }), (error) => {
      assert(error instanceof AddressUnavailableError, String(error));
      assert.match(error.message, why);
      assert.match(error.message, new RegExp(`^Cannot allocate the requested address ${requested} of pool `));
      return true;
    });
    assert.deepEqual(await contents(driver), {}, text);
  }
});

Deno.test("allocate keeps an owner's requested address that the range no longer allocates", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  const asked = { requested: [ip("10.0.0.50")] };
  for (const text of ["10.0.0.0/24", "10.0.0.0/24!10.0.0.50", "10.0.0.60-10.0.0.70/24"]) {
    assert.deepEqual(await add("a/net1/x", config([text], asked)), ["10.0.0.50"], text);
  }
  await assert.rejects(
    add("b/net1/y", config(["10.0.0.60-10.0.0.70/24"], { requested: [ip("10.0.0.51")] })),
    AddressUnavailableError,
  );
});

Deno.test("allocate makes no more requests than specified", async () => {
  await using driver = await memory();
  const asked: string[] = [];
  const { add, del } = callers(driver, ({ method }) => void asked.push(method));
  const plain = config(["10.0.0.0/24"]);
  await add("a/net1/x", plain);
  assert.deepEqual(asked.splice(0), ["read", "commit", "reservation.reserve"]);
  await add("a/net1/x", plain);
  assert.deepEqual(asked.splice(0), ["read", "reservation.reserve"]);
  await del("a/net1/x", plain);
  assert.deepEqual(asked.splice(0), ["read", "commit", "reservation.release"]);
  await add("a/net1/x", { ...plain, overlapping: false });
  assert.deepEqual(asked.splice(0), ["read", "commit"]);
  await del("a/net1/x", { ...plain, overlapping: false }); // no record says whether ADD reserved
  assert.deepEqual(asked.splice(0), ["read", "commit", "reservation.release", "reservation.find"]);
});

Deno.test("allocate keeps no entry if it may not create reservations", async () => {
  await using driver = await memory();
  const forbidden = callers(driver, ({ method }) => {
    return method.startsWith("reservation") ? { done: false, then: "refused" } : undefined;
  });
  await assert.rejects(forbidden.add("a/net1/x", DUAL), RefusedError);
  assert.deepEqual(await contents(driver), {});
});

Deno.test("allocate ends with the caller's deadline, and rolls back within its own timeout", async () => {
  await using driver = await memory();
  const controller = new AbortController();
  const reason = new Error("Too late");
  const store = faulty(driver, ({ method, object }) => {
    if (method !== "reservation.reserve" || object !== "2001:db8::1") return undefined;
    controller.abort(reason);
    return { done: true, then: "silent" };
  });
  await assert.rejects(allocate(ipamOn(store), DUAL, owner("a/net1/x"), controller.signal), reason);
  assert.deepEqual(await contents(driver), {});
});

Deno.test("allocate returns the gateway of the range, else that of the network", async () => {
  await using driver = await memory();
  const { ranges: [first, second] } = config(["10.0.0.0/24", "10.1.0.0/24"]);
  assert(first && second);
  const network = { ...DUAL, ranges: [first, { ...second, gateway: ip("10.1.0.254") }], gateway: ip("10.0.0.254") };
  const assigned = await allocate(ipamOn(driver), network, owner("a/net1/x"), never());
  assert.deepEqual(assigned.map(({ gateway }) => gateway), [ip("10.0.0.254"), ip("10.1.0.254")]);
});

Deno.test("allocate gives picked addresses in their order, keeps one that its owner has, and names the list when it is used up", async () => {
  await using driver = await memory();
  const { add } = callers(driver);
  const picks = ["10.0.0.9", "10.0.0.7", "10.0.0.8"].map((text) => ip(text).value);
  const picky = { ...config([]), ranges: [{ ...range("10.0.0.0/24!10.0.0.7"), picks }] };
  assert.deepEqual(await add("a/net1/x", picky), ["10.0.0.9"]);
  await callers(driver).add("other/net1/z", config(["10.0.0.8-10.0.0.8/25"])); // reserved in another pool
  await assert.rejects(add("b/net1/y", picky), /no free one of the 3 in pick_addresses/);
  assert.deepEqual(await add("a/net1/again", picky), ["10.0.0.9"]);
  await assertAgreement(driver);
});
