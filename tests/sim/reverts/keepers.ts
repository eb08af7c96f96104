/**
 * Addresses that claims and StatefulSets keep: which pod may have one, and what frees it.
 *
 * @module
 */
import { editsOf } from "../../support/edited.ts";
import type { Revert } from "./revert.ts";

const KEPT = "src/pool/kept.ts";
const KEEPERS = "src/pool/keepers.ts";
const EVIDENCE = "src/pool/evidence.ts";
const PLUGIN = "src/cni/keeper.ts";

/** Which pod has a kept address. */
const USERS: readonly Revert[] = [
  {
    name: "DEL frees a kept address",
    world: "sets",
    edits: editsOf(KEPT, ["if (!keeper) return undefined;", "if (Boolean(1)) return undefined;"]),
  },
  {
    name: "DEL frees the kept addresses of its record",
    world: "sets",
    edits: editsOf("src/ipam/release.ts", [" && !recorded.some(({ allocation }) => allocation.keeper)", ""]),
  },
  {
    name: "the DEL of a failed migration's target does not give the address back to the source",
    world: "machines",
    edits: editsOf(KEPT, [
      '...(former ?? { podRef, containerId: "" })',
      '...{ podRef, containerId: "" }',
    ]),
  },
  {
    name: "an entry does not forget the source of a migration after its DEL",
    world: "machines",
    edits: [
      ...editsOf("src/pool/free.ts", [" || isFormer(entry, request)", ""]),
      ...editsOf("src/pool/orphans.ts", ["  if (!former) return [];", "  if (!former || Boolean(1)) return [];"]),
    ],
  },
  {
    name: "a pod does not find the address that its claim keeps",
    world: "machines",
    edits: editsOf("src/pool/draft.ts", [
      "owner.keeper ? [...this.all()].filter((entry) => isKeptFor(owner, entry)) : [];",
      "[];",
    ]),
  },
  {
    name: "a reservation is not the owner's if another pod of its claim had it",
    world: "machines",
    edits: editsOf("src/pool/types.ts", ["if (stored.keeper) return isKeptFor(owner, stored);", ""]),
  },
  {
    name: "a second pod takes the address of a claim from a pod that runs",
    world: "machines",
    edits: editsOf(PLUGIN, [
      "  throw new CniError(CODES.tryAgain, `Cannot give ${what} yet: ${why}`);",
      '  return why ? "ended" : "moving";',
    ]),
  },
  {
    name: "a pod that has failed counts as ended before its containers have",
    world: "machines",
    edits: editsOf("src/pool/pod_owner.ts", ['finished && containers === "ended" && sandboxMissing', "finished"]),
  },
  {
    name: "a pod that is missing counts as ended",
    world: "machines",
    edits: editsOf(PLUGIN, ["throw stillWaits(what, user);", 'return "ended";']),
  },
  {
    name: "a sandbox is detached at the first check of its pod",
    world: "machines",
    edits: editsOf(EVIDENCE, [
      "      return { ...verdict, detaches: true };",
      '      return { kind: "detach", reason: verdict.sighting.reason };',
    ]),
  },
  {
    name: "the sandbox of a missing pod is never detached",
    world: "machines",
    edits: editsOf(EVIDENCE, ['      return { kind: "detach", reason: verdict.reason };', "      return KEPT;"]),
  },
  {
    name: "the reservation of a detached entry names the sandbox that has ended",
    world: "machines",
    edits: [
      ...editsOf("src/ipam/release_reservation.ts", [
        "  await reservations.takeOver(found, wanted, signal); // one that changed since names a newer sandbox",
        "",
      ]),
      ...editsOf("src/pool/strays.ts", [' || (entry.allocation.containerId === "" && reservation.containerId)', ""]),
    ],
  },
  {
    name: "any second pod of a virtual machine counts as the target of a migration",
    world: "machines",
    edits: editsOf("src/pool/workload.ts", ["!to.isMigrationTarget || ", ""]),
  },
  {
    name: "a restart does not wait for the source of a failed migration",
    world: "machines",
    edits: editsOf(KEPT, ["...(former ? [former] : [])]", "]"]),
  },
  {
    name: "a second target forgets the source of a failed migration",
    world: "machines",
    edits: [
      ...editsOf(KEPT, ["?? (second && first)", "?? (Boolean(0) ? second && first : undefined)"]),
      ...editsOf(PLUGIN, ["if (isSource && (work.source ??= user.podRef) === user.podRef)", "if (isSource)"]),
    ],
  },
];

/** Evidence about keepers. */
const GONE: readonly Revert[] = [
  {
    name: "a keeper that cannot be read counts as gone",
    world: "machines",
    edits: editsOf(KEEPERS, [
      'return { kind: "unknown", why: `${describeKeeper(keeper)} cannot be read: ${reading.why}` };',
      'return { kind: "gone", reason: `${kind} is gone` };',
    ]),
  },
  {
    name: "an object of the same name counts as the keeper, whatever its uid",
    world: "machines",
    edits: editsOf(KEEPERS, [' || reading.value.uid !== uid) return { kind: "gone"', ') return { kind: "gone"']),
  },
  {
    name: "the pod of a deleted claim does not keep its address",
    world: "machines",
    edits: editsOf(EVIDENCE, ['if (owner.containerId === "" && evidence.pod.kind', "if (evidence.pod.kind"]),
  },
  {
    name: "an address is freed at the first check of its keeper",
    world: "machines",
    edits: editsOf(KEEPERS, ["if (same && same.ago >= wait) return", "if (Boolean(1)) return"]),
  },
  {
    name: "a StatefulSet that is being deleted keeps its addresses",
    world: "sets",
    edits: editsOf(KEEPERS, ['if (deleting) return { kind: "gone", reason: "StatefulSet is gone" };', ""]),
  },
  {
    name: "a claim that is being deleted counts as gone",
    world: "machines",
    edits: editsOf(KEEPERS, [
      'if (kind === "IPAMClaim") return { kind: "keeps" };',
      'if (kind === "IPAMClaim" && !reading.value.deleting) return { kind: "keeps" };',
    ]),
  },
  {
    name: "a StatefulSet keeps the addresses of all ordinals",
    world: "sets",
    edits: editsOf(KEEPERS, [
      "const isInRange = ordinal >= start && ordinal < start + replicas;",
      "const isInRange = true;",
    ]),
  },
  {
    name: "the lost entry of a stopped machine is not restored",
    world: "stopped",
    edits: editsOf("src/ipam/sweep_reservations.ts", ["isInUse(one) || isKept(one)", "isInUse(one)"]),
  },
  {
    name: "a reservation whose keeper has another address stays",
    world: "stopped",
    edits: editsOf("src/ipam/sweep_reservations.ts", [
      "owner: isReplaced ? withoutKeeper : reservation",
      "owner: reservation",
    ]),
  },
  {
    name: "a reservation that lacks the keeper of its entry stays",
    world: "stopped",
    edits: editsOf("src/pool/strays.ts", ["(!isKeptFor(entry.allocation, reservation) || (", "(("]),
  },
  {
    name: "the sweep does not read the keeper of a finished pod",
    world: "machines",
    edits: editsOf("src/ipam/sweep_entries.ts", [" && named && !owner.keeper", " && named"]),
  },
  {
    name: "the status of a claim is not written again for another pod",
    world: "machines",
    edits: editsOf("src/pool/claim_status.ts", ["claim.ownerPod === user && ", ""]),
  },
];

/** All of them. */
export const KEEPING: readonly Revert[] = [...USERS, ...GONE];
