/**
 * Addresses that pods report to have, compared with what pools hold: who uses an address that is another's, or nobody's.
 *
 * @module
 */
import { contains } from "../address/cidr.ts";
import { parseIp } from "../address/ip.ts";
import { type Finding, NOBODY, whose } from "./finding.ts";
import type { Entry, PoolFacts } from "./orphans.ts";
import type { PodFacts } from "./pod_facts.ts";
import { entriesByAddress } from "./reservations.ts";
import { mayBeOf, type Owner, type PoolKey } from "./types.ts";

/** An address that a pod uses, and that is allocated to another owner. */
export interface Duplicate {
  /** `network_name`. */
  readonly network: string;
  /** The address, canonical. */
  readonly address: string;
  /** The pod that uses it without an entry. */
  readonly podRef: string;
  /** Who has the entry. */
  readonly holder: Owner;
}

/** A duplicate as a finding. */
export function duplicateFinding({ network, address, podRef, holder }: Duplicate): Finding {
  const where = network === "" ? "" : ` of network ${network}`;
  return {
    ...NOBODY,
    kind: "pod-address-of-another",
    subject: "pod",
    address,
    pool: "",
    network,
    podRef,
    otherPod: holder.podRef,
    message: `${podRef} uses ${address}${where}, which is allocated to ${whose(holder)}: delete one of the two pods`,
  };
}

/** An address that a running pod reports, inside of a pool of its network, without an entry of its own. */
export interface Unrecorded {
  /** The pod. */
  readonly podRef: string;
  /** The address, canonical. */
  readonly address: string;
  /** The pool that the address is of. */
  readonly key: PoolKey;
  /** The entry of the address: another owner's. Absent: there is none. */
  readonly holder?: Entry;
}

/**
 * Compares what the network-status of running pods lists with the pools. It is a report of the pod's own, and no proof.
 *
 * @param domainsOf the allocation domains of an attachment by its name; undefined where they are unknown: its addresses may be of any pool
 * @param isStatic whether an attachment is configured to have an address that no pool records. Default: none is
 */
export function findUnrecorded(
  pools: readonly PoolFacts[],
  pods: readonly PodFacts[],
  domainsOf: (attachment: string) => readonly string[] | undefined,
  isStatic: (attachment: string, address: string) => boolean | undefined = () => undefined,
): Unrecorded[] {
  const byAddress = entriesByAddress(pools);
  return pods.filter(({ running }) => running).flatMap(({ podRef, attached = [] }) =>
    attached.flatMap(({ network, address }): Unrecorded[] => {
      if (isStatic(network, address)) return [];
      const domains = domainsOf(network);
      const isOurs = (key: PoolKey) => !domains || domains.some((domain) => mayBeOf(key, domain));
      const holders = (byAddress.get(address) ?? []).filter(({ key }) => isOurs(key));
      if (holders.some(({ allocation }) => allocation.podRef === podRef)) return [];
      const ip = parseIp(address);
      const [holder] = holders;
      const key = holder?.key ?? pools.find((one) => ip && isOurs(one.key) && contains(one.key.cidr, ip))?.key;
      if (!key || holder?.allocation.podRef === "") return []; // records without a pod: this one may well be theirs
      return [{ podRef, address, key, ...(holder && { holder }) }];
    })
  );
}
