import assert from "node:assert/strict";
import { NotAllocatedError } from "../../src/ipam/errors.ts";
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { callers, config, contents, ip, memory, never, owner } from "./lab.ts";

const DUAL = config(["10.0.0.0/24", "2001:db8::/64"]);
const GIVEN = ["10.0.0.1", "2001:db8::1"];

async function refused(check: Promise<void>, message: RegExp): Promise<void> {
  await assert.rejects(check, (error) => {
    assert(error instanceof NotAllocatedError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("verify accepts the allocated addresses, in any order and with static addresses, and writes nothing", async () => {
  await using driver = await memory();
  await callers(driver).add("a/net1/x", DUAL);
  const before = await contents(driver);
  const { check } = callers(driver, ({ method, writes }) => void assert(!writes, method));
  await check("a/net1/x", DUAL, GIVEN);
  await check("a/net1/x", DUAL, [...GIVEN].reverse());
  await check("a/net1/x", DUAL, ["192.168.7.7", ...GIVEN]);
  assert.deepEqual(await contents(driver), before);
});

Deno.test("verify reports an address that is free or has another owner", async () => {
  await using driver = await memory();
  const { add, del, check } = callers(driver);
  await refused(
    check("a/net1/x", DUAL, GIVEN),
    /^Address 10\.0\.0\.1 of pool 10\.0\.0\.0\/24 is not allocated to a \(net1, container x\): it is free$/,
  );
  await add("b/net1/y", DUAL);
  await refused(check("a/net1/x", DUAL, GIVEN), /10\.0\.0\.1 .*: it is allocated to b \(net1, container y\)$/);
  await refused(
    check("b/net2/y", DUAL, GIVEN),
    /to b \(net2, container y\): it is allocated to b \(net1, container y\)$/,
  );
  await refused(check("b/net1/z", DUAL, GIVEN), /container z\): .* container y\)$/);
  await del("b/net1/y", config(["2001:db8::/64"]));
  await refused(check("b/net1/y", DUAL, GIVEN), /^Address 2001:db8::1 of pool 2001:db8::\/64 .*: it is free$/);
});

Deno.test("verify reports a range without an address in the previous result", async () => {
  await using driver = await memory();
  const { add, check } = callers(driver);
  await add("a/net1/x", DUAL);
  const message = /^The previous result has no address of 2001:db8::\/64 for a \(net1, container x\)$/;
  await refused(check("a/net1/x", DUAL, ["10.0.0.1"]), message);
  await refused(check("a/net1/x", DUAL, []), /no address of 10\.0\.0\.0\/24/);
});

Deno.test("verify requires one address per range, not one for two", async () => {
  await using driver = await memory();
  const { add, check } = callers(driver);
  const twice = config(["10.0.0.0/24", "10.0.0.0/24"]);
  const given = await add("a/net1/x", twice);
  await check("a/net1/x", twice, given);
  await refused(check("a/net1/x", twice, given.slice(0, 1)), /no address of 10\.0\.0\.0\/24/);
  await refused(check("a/net1/x", twice, ["10.0.0.1", "10.0.0.1"]), /no address of 10\.0\.0\.0\/24/);
});

Deno.test("verify requires the reservation, if the store has reservations", async () => {
  await using driver = await memory();
  const { add, check } = callers(driver);
  await add("a/net1/x", { ...DUAL, overlapping: false });
  await check("a/net1/x", { ...DUAL, overlapping: false }, GIVEN);
  await refused(check("a/net1/x", DUAL, GIVEN), /^Address 10\.0\.0\.1 has no cluster-wide reservation for a$/);
  await driver.reservations?.create({ ...owner("b/net1/y"), network: "", ip: ip("10.0.0.1") }, never());
  await refused(
    check("a/net1/x", DUAL, GIVEN),
    /^The reservation of address 10\.0\.0\.1 belongs to b \(net1\), not to a \(net1\)$/,
  );
});

Deno.test("verify accepts a reservation of the pod without an interface", async () => {
  await using driver = await memory();
  const { add, check } = callers(driver);
  await add("a/net1/x", { ...config(["10.0.0.0/24"]), overlapping: false });
  await driver.reservations?.reserve({ ...owner("a//"), network: "", ip: ip("10.0.0.1") }, never());
  await check("a/net1/x", config(["10.0.0.0/24"]), ["10.0.0.1"]);
});

Deno.test("verify retries while the store does not answer, and reports if it stays unavailable or refuses", async () => {
  await using driver = await memory();
  await callers(driver).add("a/net1/x", DUAL);
  const flaky = callers(driver, ({ index }) => index % 2 === 0 ? { done: false, then: "unavailable" } : undefined);
  await flaky.check("a/net1/x", DUAL, GIVEN);
  const away = callers(driver, () => ({ done: false, then: "unavailable" }));
  await assert.rejects(away.check("a/net1/x", DUAL, GIVEN), UnavailableError);
  const no = callers(
    driver,
    ({ method }) => method === "reservation.find" ? { done: false, then: "refused" } : undefined,
  );
  await assert.rejects(no.check("a/net1/x", DUAL, GIVEN), RefusedError);
});

Deno.test("verify accepts a configuration without ranges", async () => {
  await using driver = await memory();
  await callers(driver).check("a/net1/x", config([]), []);
});
