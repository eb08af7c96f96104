import assert from "node:assert/strict";
import { poolsOf } from "../../src/ipam/ipam.ts";
import { resize } from "../../src/ipam/resize.ts";
import { describeMove, encodeMove } from "../../src/pool/move.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { RefusedError, type StorageDriver } from "../../src/storage/driver.ts";
import { faulty } from "../support/faulty.ts";
import { callers, config, contents, ipamOn, memory, never } from "./lab.ts";

const [OLD, WIDER, OTHER] = [config(["10.0.0.0/29"]), config(["10.0.0.0/24"]), config(["10.0.0.0/28"])];

function keyOf(of: typeof OLD): PoolKey {
  const [key] = poolsOf(of);
  assert(key);
  return key;
}

const resized = (driver: StorageDriver, from: typeof OLD, to: typeof OLD) =>
  resize(ipamOn(driver), keyOf(from), keyOf(to), { dryRun: false, signal: never() });

async function markOf(driver: StorageDriver, of: typeof OLD): Promise<string | undefined> {
  const { move } = await driver.read(keyOf(of), never());
  return move && describeMove(move);
}

/** A store whose operation `at` runs something else first. */
function interrupted(driver: StorageDriver, at: number, work: () => Promise<unknown>): StorageDriver {
  let operations = 0;
  const first = async <T>(next: () => Promise<T>) => {
    if (operations++ === at) await work();
    return await next();
  };
  const real = faulty(driver, () => undefined);
  return {
    ...real,
    read: (...args) => first(() => driver.read(...args)),
    commit: (...args) => first(() => driver.commit(...args)),
    setMove: (...args) => first(() => driver.setMove?.(...args) ?? Promise.reject(new Error("it cannot mark pools"))),
  };
}

Deno.test("a run of resize that another one replaces at any operation neither loses entries nor allocates twice", async () => {
  let replaced = 0;
  for (let at = 0;; at++) {
    await using driver = await memory();
    const { add, check, del } = callers(driver);
    for (const who of ["a/net1/x", "b/net1/y"]) await add(who, OLD);
    let ran = false;
    const second = async () => {
      ran = true;
      await resized(driver, OLD, WIDER);
    };
    await resized(interrupted(driver, at, second), OLD, WIDER).catch((error) => {
      assert(error instanceof RefusedError, String(error));
      assert.match(error.message, /another run of resize has replaced this one/);
      replaced++;
    });
    if (!ran) break;
    await resized(driver, OLD, WIDER);
    assert.deepEqual([await markOf(driver, OLD), await markOf(driver, WIDER)], ["moved to 10.0.0.0/24", undefined]);
    await check("a/net1/x", OLD, ["10.0.0.1"]);
    await check("b/net1/y", OLD, ["10.0.0.2"]);
    assert.deepEqual(await add("c/net1/z", WIDER), ["10.0.0.3"]);
    await del("a/net1/x", OLD);
    const entries = Object.keys(await contents(driver)).filter((key) => !key.startsWith("reserved"));
    assert.deepEqual(entries, ["10.0.0.0/24 10.0.0.2", "10.0.0.0/24 10.0.0.3"], `at ${at}`);
  }
  assert(replaced > 3, `${replaced}`);
});

Deno.test("a resize beside one to another range, or the opposite one, blocks no pool: one of the two ends", async () => {
  for (const [from, to] of [[OLD, OTHER], [WIDER, OLD]] as const) {
    for (let at = 0;; at++) {
      await using driver = await memory();
      const { add, check } = callers(driver);
      await add("a/net1/x", OLD);
      let ran = false;
      const beside = async () => {
        ran = true;
        await resized(driver, from, to).catch((error) => assert(error instanceof RefusedError, String(error)));
      };
      const refused = (error: unknown) => assert(error instanceof RefusedError, String(error));
      await resized(interrupted(driver, at, beside), OLD, WIDER).catch(refused);
      if (!ran) break;
      for (const [a, b] of [[OLD, WIDER], [from, to]] as const) await resized(driver, a, b).catch(refused);
      const marks = await Promise.all([OLD, WIDER, OTHER].map((one) => markOf(driver, one)));
      assert(marks.every((mark) => mark === undefined || mark.startsWith("moved")), `at ${at}: ${marks}`);
      await check("a/net1/x", OLD, ["10.0.0.1"]).catch(() => check("a/net1/x", WIDER, ["10.0.0.1"]));
    }
  }
});

Deno.test("a resize whose other pool is in another move undoes its mark, also one that an interrupted run left", async () => {
  await using driver = await memory();
  const marked = async (of: typeof OLD, text: Parameters<typeof encodeMove>[0]) =>
    void await driver.setMove?.(await driver.read(keyOf(of), never()), text, never());
  await callers(driver).add("a/net1/x", OLD);
  await marked(OLD, { kind: "moving", to: keyOf(WIDER).cidr });
  await marked(WIDER, { kind: "receiving", from: keyOf(OTHER).cidr });
  await assert.rejects(
    resized(driver, OLD, WIDER),
    /10\.0\.0\.0\/24 is receiving the entries of 10\.0\.0\.0\/28; complete/,
  );
  assert.equal(await markOf(driver, OLD), undefined);
  await marked(OLD, { kind: "moved", to: keyOf(WIDER).cidr });
  await assert.rejects(resized(driver, OLD, WIDER), RefusedError);
  assert.equal(await markOf(driver, OLD), "moved to 10.0.0.0/24");
});
