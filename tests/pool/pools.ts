/**
 * Small pools for tests of the allocator: 10.0.0.0/28, addresses written as their last octet.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Cidr, parseCidr, usable } from "../../src/address/cidr.ts";
import { type IpRange, mergeIntervals } from "../../src/address/range.ts";
import type { Decision } from "../../src/pool/decide.ts";
import { allocateRequest, type PoolRequest } from "../../src/pool/requests.ts";
import type { Allocation, Allocations, Owner } from "../../src/pool/types.ts";

/** The network of these tests. */
export const CIDR: Cidr = cidr("10.0.0.0/28");

/** Parses a valid network. */
export function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return parsed.cidr;
}

/** The address of a last octet. */
export function at(octet: number): bigint {
  return CIDR.base + BigInt(octet);
}

/** Last octets of addresses. */
export function octets(addresses: Iterable<bigint>): number[] {
  return [...addresses].map((address) => Number(address - CIDR.base)).sort((a, b) => a - b);
}

/** `pod/ifName/containerId` as an owner. */
export function owner(text: string): Owner {
  const [podRef = "", ifName = "", containerId = ""] = text.split("/");
  return { podRef, ifName, containerId };
}

/** One allocation: last octet and `pod/ifName/containerId`. */
export function entry(octet: number, who: string): Allocation {
  return { address: at(octet), ...owner(who) };
}

/** A pool: owners by last octet. */
export function pool(entries: Readonly<Record<number, string>>): Allocations {
  return new Map(Object.entries(entries).map(([octet, who]) => [at(Number(octet)), entry(Number(octet), who)]));
}

/** The entries of a pool in the form that {@linkcode pool} accepts. */
export function entries(allocations: Allocations): Record<number, string> {
  return Object.fromEntries(
    [...allocations.values()].map(({ address, podRef, ifName, containerId }) => [
      Number(address - CIDR.base),
      `${podRef}/${ifName}/${containerId}`,
    ]),
  );
}

/** The range of these tests, or a part of it, by last octets. */
export function range(first = 1, last = 14, excludes: readonly number[] = []): IpRange {
  return {
    cidr: CIDR,
    first: at(first),
    last: at(last),
    excludes: mergeIntervals(excludes.map((octet) => ({ first: at(octet), last: at(octet) }))),
  };
}

/** The pool after the decision is written. Checks that every change matches the stored pool and changes something. */
export function commit(stored: Allocations, { changes }: Pick<Decision, "changes">): Allocations {
  const after = new Map(stored);
  assert.equal(new Set(changes.map(({ address }) => address)).size, changes.length, "an address is changed twice");
  for (const change of changes) {
    assert.deepEqual(change.before, stored.get(change.address), "`before` differs from the stored entry");
    assert.notDeepEqual(change.before, change.after, "a change changes nothing");
    if (change.after) {
      assert.equal(change.after.address, change.address);
      after.set(change.address, change.after);
    } else after.delete(change.address);
  }
  return after;
}

const whole = usable(CIDR);
const RANGES: readonly IpRange[] = [range(), range(1, 2), range(2, 2), range(1, 5), range(4, 14, [6, 7, 9]), {
  cidr: CIDR,
  ...whole,
  excludes: [],
}];
const octet = fc.integer({ min: 0, max: 15 });
const addresses = fc.array(octet.map(at), { maxLength: 4 }).map((list): ReadonlySet<bigint> => new Set(list));

/** Owners that often collide: few pods, interfaces and sandboxes; some records have no interface name. */
export const anyOwner: fc.Arbitrary<Owner> = fc.record({
  podRef: fc.constantFrom("a", "b", "c"),
  ifName: fc.constantFrom("net1", "net2"),
  containerId: fc.constantFrom("x", "y", "z"),
});

/** A pool of up to 14 entries, including duplicates of an owner and records without an interface name. */
export const anyPool: fc.Arbitrary<Allocations> = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 14 }), anyOwner, fc.integer({ min: 0, max: 4 })),
  { maxLength: 14 },
).map((list) =>
  new Map(list.map(([octet, who, legacy]) => [
    at(octet),
    { address: at(octet), ...who, ...(legacy === 0 && { ifName: "" }) },
  ]))
);

/** An allocation; sometimes with a requested address, or with addresses in use elsewhere, avoided or of other ranges. */
export const anyClaim = fc.record({
  owner: anyOwner,
  range: fc.constantFrom(...RANGES),
  inUseElsewhere: fc.option(addresses, { freq: 3, nil: new Set<bigint>() }),
  ofOtherRanges: fc.option(addresses, { freq: 3, nil: new Set<bigint>() }),
  avoided: fc.option(addresses, { freq: 3, nil: new Set<bigint>() }),
  requested: fc.option(octet, { freq: 3, nil: undefined }),
}).map(({ owner, range, inUseElsewhere, ofOtherRanges, avoided, requested }) =>
  allocateRequest(owner, range, {
    inUseElsewhere,
    avoided,
    ofOtherRanges,
    ...(requested !== undefined && { requested: at(requested) }),
  })
);

/** A release. */
export const anyRelease = fc.record({
  containerId: fc.constantFrom("x", "y", "z"),
  ifName: fc.constantFrom("net1", "net2"),
}).map((sandbox): PoolRequest => ({ kind: "release", ...sandbox }));

/** Allocations and releases. */
export const anyRequest: fc.Arbitrary<PoolRequest> = fc.oneof({ weight: 3, arbitrary: anyClaim }, {
  weight: 1,
  arbitrary: anyRelease,
});
