/**
 * The definitions of a world's networks, of which the last one may be introduced during the history.
 *
 * @module
 */
import type { Network } from "../runtime.ts";
import type { ApiObjects } from "./objects.ts";
import { contentsOf, reservationName } from "./promises.ts";
import type { World } from "./world.ts";

const RESOURCE = "network-attachment-definitions";
const NAMESPACE = "default";
/** The annotation of a pool whose allocations need reservations. */
const MUST_RESERVE = "whereabouts.cni.cncf.io/must-reserve";

/** Definitions as objects. */
export class Definitions {
  readonly #objects: ApiObjects;
  readonly #networks: readonly Network[];
  readonly #introduced: Network | undefined;
  /** The definitions that have changed, by name. */
  readonly #changed = new Map<string, Network>();
  #prepared: boolean;

  /** Creates the definitions of all networks but the introduced one. */
  constructor(objects: ApiObjects, { networks, happenings }: World) {
    this.#objects = objects;
    this.#networks = networks;
    this.#introduced = happenings.introduce === undefined ? undefined : networks.at(-1);
    this.#prepared = this.#introduced === undefined;
    for (const network of networks) if (network !== this.#introduced) this.#define(network);
  }

  /** The networks that pods may attach to: the introduced one when the pools that it overlaps reserve, which takes the controller a moment. */
  usable(): readonly Network[] {
    this.#prepared ||= this.#isDefined() && this.#isReserved();
    return this.#networks.filter((network) => this.#prepared || network !== this.#introduced)
      .map((network) => this.#changed.get(network.name) ?? network);
  }

  /** Changes the definition of a network. */
  redefine(network: Network): void {
    const object = this.#objects.get(RESOURCE, NAMESPACE, network.name);
    if (object) this.#objects.update(RESOURCE, { ...object, spec: { config: configOf(network) } });
    this.#changed.set(network.name, network);
  }

  /** Introduces the network, once. Returns its name if it was not defined yet. */
  introduce(): string | undefined {
    if (!this.#introduced || this.#isDefined()) return undefined;
    this.#define(this.#introduced);
    return this.#introduced.name;
  }

  #define(network: Network): void {
    const metadata = { namespace: NAMESPACE, name: network.name };
    this.#objects.create(RESOURCE, { metadata, spec: { config: configOf(network) } });
  }

  #isDefined(): boolean {
    return this.#introduced !== undefined &&
      this.#objects.get(RESOURCE, NAMESPACE, this.#introduced.name) !== undefined;
  }

  /** Whether the pools are marked, and their entries are reserved: also those whose ADD was in progress at the time of the mark. */
  #isReserved(): boolean {
    const pools = this.#objects.list("ippools");
    const { entries, reservations } = contentsOf(this.#objects);
    return pools.length > 0 && pools.every(({ metadata: { annotations } }) => annotations?.[MUST_RESERVE] === "true") &&
      entries.every(({ address, value }) => reservations.get(reservationName("", address))?.podref === value.podref);
  }
}

function configOf({ name, ipam }: Network): string {
  return JSON.stringify({ cniVersion: "1.0.0", name, type: "macvlan", ipam });
}
