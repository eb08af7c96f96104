import assert from "node:assert/strict";
import { ATTEMPT_TIMEOUT, CONFLICT_ATTEMPTS, retry, UNAVAILABLE_ATTEMPTS } from "../../src/storage/retry.ts";
import { ConflictError, RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { hurriedClock } from "../support/hurried_clock.ts";
import { memoryWorld } from "../support/world.ts";

const never = () => new AbortController().signal;

/** The delays between attempts, without the timeouts of attempts. */
function waits(asked: readonly number[]): number[] {
  return asked.filter((milliseconds) => milliseconds !== ATTEMPT_TIMEOUT);
}

/** An operation that fails with these errors, then succeeds. */
function failing(errors: readonly Error[]): { operation: () => Promise<string>; attempts: () => number } {
  let attempts = 0;
  return {
    attempts: () => attempts,
    operation: () => {
      const error = errors[attempts++];
      return error ? Promise.reject(error) : Promise.resolve("done");
    },
  };
}

function times(count: number, error: Error): Error[] {
  return Array.from({ length: count }, () => error);
}

Deno.test("retry returns the operation's result without delay", async () => {
  const clock = hurriedClock();
  assert.equal(await retry(() => Promise.resolve(7), clock, never()), 7);
  assert.deepEqual(clock.asked, [ATTEMPT_TIMEOUT]);
  assert.equal(clock.monotonic(), 0);
});

Deno.test("retry repeats conflicts and unanswered attempts until one succeeds", async () => {
  const conflict = new ConflictError("Changed");
  const silence = new UnavailableError("Silent");
  const { operation, attempts } = failing([conflict, silence, conflict, conflict, silence]);
  assert.equal(await retry(operation, hurriedClock(), never()), "done");
  assert.equal(attempts(), 6);
});

Deno.test("retry does not repeat final errors", async () => {
  for (const error of [new RefusedError("No"), new TypeError("A defect"), new Error("Anything")]) {
    const { operation, attempts } = failing([error]);
    await assert.rejects(retry(operation, hurriedClock(), never()), error);
    assert.equal(attempts(), 1);
  }
});

Deno.test("retry stops after max conflicts, and after max unanswered attempts, with the last error", async () => {
  for (
    const [error, max] of [
      [new ConflictError("Changed"), CONFLICT_ATTEMPTS],
      [new UnavailableError("Silent"), UNAVAILABLE_ATTEMPTS],
    ] as const
  ) {
    const { operation, attempts } = failing(times(1_000, error));
    await assert.rejects(retry(operation, hurriedClock(), never()), error);
    assert.equal(attempts(), max);
    const last = failing(times(max - 1, error));
    assert.equal(await retry(last.operation, hurriedClock(), never()), "done");
  }
});

Deno.test("retry backs off exponentially up to a limit, with full jitter", async () => {
  const full = { ...hurriedClock(), random: () => 1 };
  await assert.rejects(
    retry(failing(times(99, new ConflictError("Changed"))).operation, full, AbortSignal.abort("x")),
    (reason) => reason === "x",
  );
  assert.deepEqual(full.asked, []);
  await retry(failing(times(9, new ConflictError("Changed"))).operation, full, never());
  assert.deepEqual(waits(full.asked), [16, 32, 64, 128, 256, 512, 1_000, 1_000, 1_000]);
  const unavailable = { ...hurriedClock(), random: () => 1 };
  await retry(failing(times(4, new UnavailableError("Silent"))).operation, unavailable, never());
  assert.deepEqual(waits(unavailable.asked), [200, 400, 800, 1_600]);
  const none = { ...hurriedClock(), random: () => 0 };
  await retry(failing(times(9, new ConflictError("Changed"))).operation, none, never());
  assert.deepEqual(waits(none.asked), times(9, new Error()).map(() => 0));
});

Deno.test("retry starts the back-off after a conflict at the attempt's duration", async () => {
  const clock = { ...hurriedClock(), random: () => 1 };
  let attempts = 0;
  await retry(
    async () => {
      await clock.sleep(60);
      if (++attempts < 4) throw new ConflictError("Changed");
    },
    clock,
    never(),
  );
  const backOff = clock.asked.filter((wait) => wait !== 60 && wait !== ATTEMPT_TIMEOUT);
  assert.deepEqual(backOff, [120, 240, 480]);
});

Deno.test("retry waits at least as long as the store asks", async () => {
  const clock = { ...hurriedClock(), random: () => 0 };
  const { operation } = failing([
    new UnavailableError("Busy", { retryAfter: 1_500 }),
    new UnavailableError("Busy", { retryAfter: 0 }),
    new UnavailableError("Busy", { retryAfter: 30_000 }),
  ]);
  await retry(operation, clock, never());
  assert.deepEqual(waits(clock.asked), [1_500, 0, 30_000]);
});

Deno.test("retry spreads attempts over twice the delay that the store asks for, since it asks everyone for the same", async () => {
  const clock = { ...hurriedClock(), random: () => 1 };
  const { operation } = failing([
    new UnavailableError("Busy", { retryAfter: 1_500 }),
    new UnavailableError("Busy", { retryAfter: 0 }),
    new UnavailableError("Busy", { retryAfter: 100 }),
  ]);
  await retry(operation, clock, never());
  assert.deepEqual(waits(clock.asked), [3_000, 400, 900]);
});

Deno.test("retry counts an unanswered attempt as unavailable, and aborts the operation", async () => {
  const world = memoryWorld();
  const reasons: unknown[] = [];
  const silent = (signal: AbortSignal) =>
    new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => {
        reasons.push(signal.reason);
        reject(signal.reason);
      })
    );
  const ended = assert.rejects(retry(silent, world, never()), (error) => {
    assert(error instanceof UnavailableError);
    assert.equal(error.message, "No answer from the store within 10 s");
    return true;
  });
  await world.advance(ATTEMPT_TIMEOUT - 1);
  assert.equal(reasons.length, 0);
  await world.advance(1);
  assert.equal(reasons.length, 1);
  await world.advance(UNAVAILABLE_ATTEMPTS * (ATTEMPT_TIMEOUT + 2_000));
  await ended;
  assert.equal(reasons.length, UNAVAILABLE_ATTEMPTS);
  assert.equal(world.sleepers(), 0);
});

Deno.test("retry does not start if its signal has aborted", async () => {
  const { operation, attempts } = failing([]);
  const reason = new Error("Enough");
  await assert.rejects(retry(operation, hurriedClock(), AbortSignal.abort(reason)), reason);
  assert.equal(attempts(), 0);
});

Deno.test("retry ends with the signal's reason at once, during an attempt and between two", async () => {
  const reason = new Error("Enough");
  for (
    const operation of [
      (signal: AbortSignal) =>
        new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      (signal: AbortSignal) =>
        new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new UnavailableError("Cut")))),
      () => Promise.reject(new UnavailableError("Busy", { retryAfter: 60_000 })),
    ]
  ) {
    const world = memoryWorld();
    const controller = new AbortController();
    const ended = assert.rejects(retry(operation, world, controller.signal), reason);
    await world.advance(0);
    assert.equal(world.sleepers(), 1);
    controller.abort(reason);
    await ended;
    assert.equal(world.sleepers(), 0);
    assert.equal(world.now(), 0);
  }
});

Deno.test("retry returns a success that arrives together with the abort: it is durable", async () => {
  const controller = new AbortController();
  const operation = () => {
    controller.abort(new Error("Enough"));
    return Promise.resolve("done");
  };
  assert.equal(await retry(operation, hurriedClock(), controller.signal), "done");
});

Deno.test("retry leaves no timer", async () => {
  const world = memoryWorld();
  await retry(() => Promise.resolve(), world, never());
  await assert.rejects(retry(() => Promise.reject(new RefusedError("No")), world, never()), RefusedError);
  assert.equal(world.sleepers(), 0);
});

Deno.test("retry does not end an attempt that keeps making progress", async () => {
  const world = memoryWorld();
  let attempts = 0;
  const done = retry(
    async (_signal, progressed) => {
      attempts++;
      for (let part = 0; part < 5; part++) {
        await world.sleep(ATTEMPT_TIMEOUT - 1);
        progressed();
      }
      return "all parts";
    },
    world,
    never(),
  );
  for (let part = 0; part < 5; part++) await world.advance(ATTEMPT_TIMEOUT - 1);
  assert.equal(await done, "all parts");
  assert.equal(attempts, 1);
});
