/**
 * Late calls, versions that are used twice, batches, full pools, and slices that change nodes.
 *
 * @module
 */
import { editsOf } from "../../support/edited.ts";
import type { Revert } from "./revert.ts";

/** ADD takes over any reservation with the pod's name. */
const BLIND = editsOf("src/ipam/reserve.ts", ["if (!succeeds) {", "if (Boolean(0)) {"]);
/** DEL deletes the reservation whether it removed the entry or not. */
const UNPROVEN = editsOf("src/ipam/release.ts", [
  "if (removed.has(allocation.address)) await releaseReservation",
  "if (Boolean(1)) await releaseReservation",
]);

/** Late calls of old sandboxes. */
const LATE: readonly Revert[] = [
  {
    name: "a late ADD takes over the reservation of a newer sandbox, and its DEL deletes it",
    world: "takeover",
    seed: 177,
    edits: [...BLIND, ...UNPROVEN],
  },
  {
    name: "a late ADD that fails deletes the reservation that it took over from a newer sandbox",
    world: "takeover",
    seed: 525,
    edits: [
      ...BLIND,
      ...editsOf("src/ipam/rollback.ts", [
        "if (removed.has(address)) await releaseReservation",
        "if (Boolean(1)) await releaseReservation",
      ]),
    ],
  },
  {
    name: "an ADD takes over a reservation on which another entry of the pod's name depends",
    world: "mixed",
    seed: 330,
    edits: editsOf("src/ipam/reserve.ts", ['if (takeover.kind === "foreign") return takeover;', ""]),
  },
  { name: "DEL deletes a reservation without the proof of its entry", world: "mixed", edits: UNPROVEN },
  {
    name: "a reservation is deleted that has changed since it was read",
    world: "takeover",
    seed: 693,
    edits: editsOf("drivers/kubernetes/reservations.ts", [
      "preconditions: { uid, resourceVersion } }",
      "preconditions: {} }",
    ]),
  },
  {
    name: "a rollback or sweep removes an entry that another sandbox has taken over",
    world: "namesakes",
    edits: editsOf("src/pool/free.ts", [
      "if (!present || !after || !sameEntry(present, after)) continue;",
      "if (!present || !after) continue;",
    ], ["return found && sameEntry(found, allocation) ? found : undefined;", "return found;"]),
  },
  {
    name: "DEL deletes a reservation that the original created since its predecessor was seen",
    world: "mixed",
    seed: 36,
    edits: editsOf("drivers/kubernetes/reservations.ts", [' || (attempt > 0 && stored.containerId === "")', ""]),
  },
  {
    name: "a remnant is deleted although an entry depends on it",
    world: "takeover",
    edits: editsOf("src/ipam/release_reservation.ts", [
      "if (dependents(pools, found, entry.ifName).length > 0) return false;",
      "",
    ]),
  },
  {
    name: "a repeated ADD takes over the address of a newer sandbox",
    world: "takeover",
    edits: editsOf("src/pool/assign.ts", [
      "const newer = request.isRetry ? newerOf(draft, request) : undefined;",
      "const newer = undefined;",
    ]),
  },
];

/** Versions that a restored store uses a second time. */
const RESTORES: readonly Revert[] = [
  {
    name: "an allocation tests the version only, not that the address is free",
    world: "restore",
    seed: 24,
    edits: editsOf("drivers/kubernetes/patch.ts", [
      'entryTests(path, before) : [{ op: "test", path, value: null } as const];',
      "entryTests(path, before) : [];",
    ]),
  },
  {
    name: "a refresh or release tests the version only, not the owner of the entry",
    world: "restore",
    seed: 63,
    edits: editsOf("drivers/kubernetes/patch.ts", [
      "const asRead = before ? entryTests(path, before) :",
      "const asRead = before ? [] :",
    ]),
  },
];

/** Effects of a batch on its members. */
const BATCHES: readonly Revert[] = [
  {
    name: "a commit waits for the end of the last one by a clock that can be set",
    world: "clocks",
    edits: editsOf(
      "src/agent/batcher.ts",
      ["this.#now = () => clock.monotonic();", "this.#now = () => clock.now();"],
      ["this.#ended = clock.monotonic();", "this.#ended = clock.now();"],
      [
        "const pause = this.#contention.pause(this.#now() - this.#ended);",
        "const pause = this.#ended - this.#now();",
      ],
    ),
  },
  {
    name: "a batch that the store refuses is refused as a whole",
    world: "full",
    edits: editsOf("src/agent/divide.ts", [
      "if (releases.length > 0 && allocations.length > 0) return [releases, allocations];",
      "if (batch.length > 0) return [[...batch]];",
    ]),
  },
];

/** Slices that change nodes. */
const SLICES: readonly Revert[] = [
  {
    name: "the pool of a slice stays open when another node gets the slice",
    world: "slices",
    seed: 21,
    edits: editsOf("src/pool/slice_plan.ts", [
      "close: [...closing.values()].map((one) => ({ ...one, pool: pools.find(one.key), closed: epoch })),",
      "close: [],",
    ]),
  },
  {
    name: "an opening of a closed pool counts whatever its epoch is",
    world: "slices",
    seed: 162,
    edits: [
      ...editsOf("src/pool/fence.ts", ["fence.opened <= fence.closed;", "fence.opened === 0;"]),
      ...editsOf("tests/sim/cluster/schemas.ts", ["opened > closed);", "opened > 0);"]), // the rule of the schema too
    ],
  },
  {
    name: "a slice in use goes to another node",
    world: "slices",
    edits: editsOf("src/pool/slice_plan.ts", [
      "inUse: (slice) => pools?.isUsed({ network, ...slice }) ?? true,",
      "inUse: () => false,",
    ], ["occupied: pools?.occupied(group) ?? [],", ""]),
  },
  {
    name: "networks of one range have different slices",
    world: "slices",
    edits: editsOf(
      "src/pool/slice_networks.ts",
      [
        "({ network, range, prefix }) => `${formatCidr(range.cidr)} ${prefix} ${network}`",
        "({ name, network, range, prefix }) => `${formatCidr(range.cidr)} ${prefix} ${network} ${name}`",
      ],
      ["if (!other) domains.add(group);", "if (Boolean(1)) domains.add(group);"],
    ),
  },
  {
    name: "a newer network of the same CNI name replaces slices in use",
    world: "slices",
    edits: editsOf("src/pool/slice_networks.ts", [".sort((a, b) => a.rank - b.rank)", ""]),
  },
];

/** Networks that disagree on reservations. */
const SETTINGS: readonly Revert[] = [
  {
    name: "a network without reservations makes none although one with reservations overlaps it",
    world: "settings",
    seed: 25,
    edits: editsOf("src/pool/decide.ts", [
      'if (mustReserve && request.withoutReservation) return { kind: "must reserve" };',
      "",
    ]),
  },
];

/** All reverts of races. */
export const RACES: readonly Revert[] = [...LATE, ...RESTORES, ...BATCHES, ...SLICES, ...SETTINGS];
