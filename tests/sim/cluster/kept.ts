/**
 * What must hold for addresses that a claim or a StatefulSet keeps, by the objects of the cluster.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ApiObjects } from "./objects.ts";
import type { Kept, PodSandbox, SimPod } from "./pod.ts";
import { canonical, contentsOf, isLive, reservationName } from "./promises.ts";

/** Namespace of all keepers. */
export const NAMESPACE = "default";

/** The label of a virtual machine's pods that has the uid of its instance. */
export const INSTANCE = "kubevirt.io/created-by";

/** The resource of each kind of keeper. */
export const RESOURCE = { IPAMClaim: "ipamclaims", StatefulSet: "statefulsets" } as const satisfies Record<
  Kept["kind"],
  string
>;

/** The used part of a record: the keeper, `KIND/NAME/UID`, and the pod. */
interface KeptRecord {
  readonly keeper?: string;
  readonly podref?: string;
}

/** Whether the keeper of a record keeps its address: the object exists, and a StatefulSet is not being deleted and has the pod's ordinal. */
export function keeps(objects: ApiObjects, { keeper = "", podref = "" }: KeptRecord): boolean {
  const [kind = "", name = "", uid = ""] = keeper.split("/");
  if (kind !== "IPAMClaim" && kind !== "StatefulSet") return false;
  const object = objects.get(RESOURCE[kind], NAMESPACE, name);
  if (object?.metadata.uid !== uid) return false;
  if (kind === "IPAMClaim") return true;
  const { replicas = 0, ordinals } = object.spec as { replicas?: number; ordinals?: { start: number } };
  const [ordinal, start] = [Number(podref.split("-").at(-1)), ordinals?.start ?? 0];
  return object.metadata.deletionTimestamp === undefined && ordinal >= start && ordinal < start + replicas;
}

/** The addresses that a keeper keeps since an ADD has succeeded. */
interface KeptAddress {
  readonly keeper: string;
  readonly podref: string;
  readonly domain: string;
  readonly addresses: readonly string[];
}

/** Milliseconds for which a keeper must be gone before its address is freed: two scans of the controller. */
const MIN_GONE = 30_000;

/** The kept addresses of a cluster. */
export class KeptAddresses {
  readonly #objects: ApiObjects;
  readonly #now: () => number;
  /** Whether nothing deletes entries, nor keepers of reservations. */
  readonly #isWhole: boolean;
  /** When each keeper was gone first. */
  readonly #gone = new Map<string, number>();
  /** By keeper; for a StatefulSet also by pod. */
  readonly #kept = new Map<string, KeptAddress>();

  /** Knows no address yet. */
  constructor(objects: ApiObjects, now: () => number, isWhole: boolean) {
    this.#objects = objects;
    this.#now = now;
    this.#isWhole = isWhole;
  }

  /** Notes the addresses of a sandbox whose ADD has succeeded. @throws they have not the pod's keeper, or are others than before */
  attached(sandbox: PodSandbox): void {
    const { podRef, containerId, addresses, network: { domain }, pod: { kept } } = sandbox;
    if (!kept) return;
    const own = addresses.map(canonical);
    const { entries, reservations } = contentsOf(this.#objects);
    for (const text of own) {
      const stored = this.#isWhole
        ? entries.filter(({ address }) => address === text).map(({ value }) => value)
        : [reservations.get(reservationName(domain, text))];
      const keeper = stored.find((one) => one?.keeper?.startsWith(`${kept.kind}/${kept.name}/`))?.keeper;
      assert(keeper, `${podRef} (${containerId}) has ${text}, whose record does not name ${kept.kind} ${kept.name}`);
      sandbox.keeper = keeper;
    }
    const { keeper } = sandbox;
    if (keeper === undefined || !keeps(this.#objects, { keeper, podref: podRef })) return;
    const key = kept.kind === "IPAMClaim" ? keeper : `${keeper} ${podRef}`;
    const before = this.#isWhole ? this.#kept.get(key)?.addresses ?? own : own;
    assert.deepEqual(own, before, `${podRef} (${containerId}) has other addresses of ${keeper} than before`);
    this.#kept.set(key, { keeper, podref: podRef, domain, addresses: own });
  }

  /**
   * Checks that each kept address has its entry and reservation, and that the live sandboxes of a claim are those of one pod, or of the two pods
   * of a migration.
   */
  check(sandboxes: readonly PodSandbox[]): void {
    checkUsers(sandboxes);
    if (!this.#isWhole) return;
    const { entries, reservations } = contentsOf(this.#objects);
    for (const [key, kept] of this.#kept) {
      const { keeper, podref, domain, addresses } = kept;
      const missing = addresses.filter((text) =>
        !entries.some(({ address, value }) => address === text && value.keeper === keeper)
      );
      if (!keeps(this.#objects, { keeper, podref })) {
        this.#checkGone(key, kept, missing);
        continue;
      }
      this.#gone.delete(key);
      assert.deepEqual(missing, [], `${keeper} keeps ${missing} of ${podref}, and no pool has its entry`);
      for (const address of addresses) {
        const reservation = reservations.get(reservationName(domain, address));
        assert.equal(reservation?.keeper, keeper, `the keeper of the reservation of ${address} of ${podref}`);
      }
    }
  }

  /** Kept addresses that lack their entry or their reservation. */
  missing(): string[] {
    const { entries, reservations } = contentsOf(this.#objects);
    return [...this.#kept.values()].filter((kept) => keeps(this.#objects, kept)).flatMap((
      { keeper, domain, addresses },
    ) =>
      addresses.filter((text) =>
        !entries.some(({ address, value }) => address === text && value.keeper === keeper) ||
        reservations.get(reservationName(domain, text))?.keeper !== keeper
      ).map((address) => `${keeper} keeps ${address}, and its entry or reservation is missing`)
    );
  }

  /** Checks that an address is freed only if its keeper was gone for two scans. */
  #checkGone(key: string, { keeper, podref, addresses }: KeptAddress, missing: readonly string[]): void {
    const since = this.#gone.get(key) ?? this.#now();
    this.#gone.set(key, since);
    const enough = missing.length === 0 || this.#now() - since >= MIN_GONE;
    assert(enough, `${missing} of ${podref} was freed ${this.#now() - since} ms after ${keeper} was gone`);
    if (missing.length < addresses.length) return;
    this.#kept.delete(key);
    this.#gone.delete(key);
  }
}

/**
 * What differs after the last call: kept entries and reservations that name a sandbox that has been released, kept reservations without an
 * entry, and claims whose status has not
 * the address or not the pod.
 */
export function unsettled(objects: ApiObjects, sandboxes: readonly PodSandbox[]): string[] {
  const { entries, reservations } = contentsOf(objects);
  const kept = entries.filter(({ value: { keeper } }) => keeper !== undefined);
  const live = new Set(sandboxes.filter(({ state }) => state === "live").map(({ containerId }) => containerId));
  const named = kept.flatMap(({ address, value: { id = "", former = "" } }) =>
    [id, former.split("/")[2] ?? ""].filter((one) => one !== "" && !live.has(one))
      .map((one) => `the entry of ${address} names ${one}, which has been released`)
  );
  const lone = [...reservations].flatMap(([name, { keeper }]) =>
    keeper === undefined ||
      kept.some(({ address, value }) => value.keeper === keeper && name.endsWith(address.replaceAll(":", "-")))
      ? []
      : [`the reservation ${name} of ${keeper} has no entry`]
  );
  const reserved = [...reservations].flatMap(([name, { keeper, containerid: id = "" }]) =>
    keeper === undefined || id === "" || live.has(id)
      ? []
      : [`the reservation ${name} names ${id}, which has been released`]
  );
  const claims = objects.list(RESOURCE.IPAMClaim, NAMESPACE).filter(({ metadata: { name, uid }, status = {} }) => {
    const own = kept.filter(({ value: { keeper } }) => keeper === `IPAMClaim/${name}/${uid}`);
    const pod = own.find(({ value: { id } }) => id)?.value.podref;
    const { ips = [], ownerPod } = status as { ips?: string[]; ownerPod?: { name: string } };
    const isRight = ips.map(canonical).toSorted().join() === own.map(({ address }) => address).toSorted().join();
    return own.length > 0 && !(isRight && ownerPod?.name === pod?.split("/")[1]);
  });
  return [
    ...named,
    ...lone,
    ...reserved,
    ...claims.map(({ metadata: { name } }) => `the status of IPAMClaim ${name} differs from its entries`),
  ];
}

function checkUsers(sandboxes: readonly PodSandbox[]): void {
  const live = sandboxes.filter((one) => isLive(one) && one.keeper?.startsWith("IPAMClaim/"));
  for (const [keeper = "", users] of Map.groupBy(live, (one) => one.keeper)) {
    const pods = [...new Map(users.map(({ pod }) => [pod.podRef, pod])).values()];
    const [first, second] = pods;
    if (!first || !second) continue;
    const names = pods.map(({ podRef }) => podRef).join(" and ");
    assert.equal(pods.length, 2, `${keeper} has ${pods.length} live pods: ${names}`);
    // the pods of one instance cannot be told apart but by the label of targets, which a target has for its whole life
    const isMigration = pods.some(({ kept }) => kept?.movesFrom !== undefined) &&
      instanceOf(first) === instanceOf(second);
    assert(isMigration, `${keeper} has two live pods: ${names}`);
  }
}

function instanceOf({ kept }: SimPod): string | undefined {
  return kept?.metadata.labels?.[INSTANCE];
}
