/**
 * Compares the addresses that pods report with the pools: finds addresses in use that are allocated to another pod, or to none.
 *
 * @module
 */
import { parseIp } from "../address/ip.ts";
import { describeOwner, type Finding, NO_OWNER } from "./finding.ts";
import type { PoolFacts } from "./orphans.ts";
import type { PodFacts } from "./pod_facts.ts";
import { PoolIndex } from "./pool_index.ts";
import { entriesByAddress } from "./strays.ts";
import { type Entry, mayBeOf, type Owner, type PoolKey } from "./types.ts";

/** An address that one pod uses and that is allocated to another owner. */
export interface Duplicate {
  /** `network_name`. */
  readonly network: string;
  /** The address, canonical. */
  readonly address: string;
  /** The pod that uses it without an entry. */
  readonly podRef: string;
  /** The owner of the entry. */
  readonly holder: Owner;
}

/** A duplicate as a finding. */
export function duplicateFinding({ network, address, podRef, holder }: Duplicate): Finding {
  const where = network === "" ? "" : ` of network ${network}`;
  return {
    ...NO_OWNER,
    kind: "pod-address-of-another",
    subject: "pod",
    address,
    pool: "",
    network,
    podRef,
    otherPod: holder.podRef,
    message: `${podRef} uses ${address}${where}, which is allocated to ${
      describeOwner(holder)
    }: delete one of the two pods`,
  };
}

/** An address that a running pod reports, inside a pool of its network, and that is not allocated to the pod. */
interface Unrecorded {
  /** The pod. */
  readonly podRef: string;
  /** The address, canonical. */
  readonly address: string;
  /** The pool that contains the address. */
  readonly key: PoolKey;
  /** The entry of the address, of another owner. Absent: the address has no entry. */
  readonly holder?: Entry;
}

/**
 * Compares the network-status of running pods with the pools. The pod itself may have written its status: it proves nothing.
 *
 * @param domainsOf the allocation domains of an attachment, by its name; undefined if unknown: its addresses may belong to any pool
 * @param isStatic whether an attachment is configured with an address that no pool records. Default: no
 */
export function findUnrecorded(
  pools: readonly PoolFacts[],
  pods: readonly PodFacts[],
  domainsOf: (attachment: string) => readonly string[] | undefined,
  isStatic: (attachment: string, address: string) => boolean | undefined = () => undefined,
): Unrecorded[] {
  const entries = entriesByAddress(pools);
  const index = new PoolIndex(pools);
  const ofPod = ({ podRef }: PodFacts, network: string, address: string): Unrecorded[] => {
    if (isStatic(network, address)) return [];
    const domains = domainsOf(network);
    const isOurs = (key: PoolKey) => !domains || domains.some((domain) => mayBeOf(key, domain));
    const ip = parseIp(address);
    const holders = ip ? entries(ip).filter(({ key }) => isOurs(key)) : [];
    // during a live migration the former pod uses the address as well
    if (holders.some(({ allocation: { podRef: of, former } }) => of === podRef || former?.podRef === podRef)) return [];
    const [holder] = holders;
    const key = holder?.key ?? (ip && index.containing(ip).find((one) => isOurs(one.key))?.key);
    if (!key || holder?.allocation.podRef === "") return []; // a record without a pod may belong to this one
    return [{ podRef, address, key, ...(holder && { holder }) }];
  };
  return pods.filter(({ running }) => running).flatMap((pod) =>
    (pod.interfaces ?? []).flatMap(({ network, ips = [] }) =>
      network === undefined ? [] : ips.flatMap((address) => ofPod(pod, network, address))
    )
  );
}
