/**
 * The next command for a group of findings.
 *
 * @module
 */
import type { Finding, FindingKind } from "../pool/finding.ts";
import type { StoreFlags } from "./store.ts";

/** Max. addresses in one command: more do not fit a line of a terminal. */
const MAX_ADDRESSES = 3;

/** What a command line needs besides the findings. */
interface Invocation {
  /** The command of this program: `whereabouts`. */
  readonly program: string;
  /** Flags that select the same store, with a leading blank; empty: none are needed. */
  readonly store: string;
  /** Flags that select the same cluster for kubectl, with a leading blank. Undefined: the store is not in a cluster. */
  readonly kubectl: string | undefined;
}

type Next = (findings: readonly Finding[], invocation: Invocation) => string | undefined;

const sweep: Next = (_, { program, store }) => `${program} reconcile --dry-run${store}`;
const owners: Next = (findings, { program, store }) => `${program} who-has ${addressesOf(findings)}${store}`;
const release: Next = (findings, { program, store }) => `${program} release ${addressesOf(findings)}${store}`;
const pools: Next = ([finding], { program, store }) => `${program} show ${finding?.pool} -o wide${store}`;
const slices: Next = ([finding], { kubectl }) =>
  kubectl === undefined ? undefined : `kubectl get nodeslicepool ${finding?.pool} -o yaml${kubectl}`;
const edit: Next = ([finding]) => {
  const [namespace, name] = finding?.pool.split("/") ?? [];
  return name === undefined ? undefined : `kubectl -n ${namespace} edit network-attachment-definition ${name}`;
};
const restart: Next = ([finding]) => {
  const [namespace, name] = finding?.podRef.split("/") ?? [];
  return name === undefined ? undefined : `kubectl -n ${namespace} delete pod ${name}`;
};
const original: Next = () => "kubectl get daemonset,deployment,cronjob -A";
const object: Next = ([finding], { kubectl }) => {
  const [kind, name] = finding?.pool.split(" ") ?? [];
  return kubectl === undefined || name === undefined ? undefined : `kubectl get ${kind} ${name} -o yaml${kubectl}`;
};

const NEXT: Readonly<Record<FindingKind, Next>> = {
  "orphan": sweep,
  "keeper-gone": sweep,
  "entry-without-reservation": sweep,
  "reservation-without-entry": sweep,
  "pod-address-unallocated": sweep,
  "claim-status-differs": sweep,
  "unowned": release,
  "same-interface-twice": restart,
  "duplicate": owners,
  "pod-address-of-another": owners,
  "reservation-of-another": owners,
  "outside-range": pools,
  "unfinished-move": pools,
  "overlapping-ranges-off": edit,
  "reuse-settings-differ": edit,
  "block-layouts-differ": edit,
  "unusable-network": edit,
  "persistent-beside-original": original,
  "blocks-beside-original": original,
  "slice-without-node": slices,
  "node-without-slice": slices,
  "slices-overlap": slices,
  "slice-outside-range": slices,
  "slices-refused": slices,
  "slices-not-elastic": slices,
  "unreadable": object,
};

/**
 * A command that shows more about findings of one kind, or repairs them; of several pools, nodes or pods, that of the first.
 *
 * @returns undefined: no command of this machine does
 */
export function nextCommand(
  kind: FindingKind,
  findings: readonly Finding[],
  invocation: Invocation,
): string | undefined {
  return NEXT[kind](findings, invocation);
}

/** Flags that select the same store again, with a leading blank. */
export function storeFlags(flags: StoreFlags, namespace: string | undefined): string {
  const { kubeconfig, context, datastore, database, "etcd-host": hosts, config } = flags;
  const given = { kubeconfig, context, namespace, datastore, database, "etcd-host": hosts, config };
  return Object.entries(given).flatMap(([name, value]) => value === undefined ? [] : [` --${name} ${quoted(value)}`])
    .join("");
}

/** Flags that select the same cluster and namespace for kubectl, with a leading blank. */
export function kubectlFlags({ kubeconfig, context }: StoreFlags, namespace: string): string {
  const given = { namespace, kubeconfig, context };
  return Object.entries(given).flatMap(([name, value]) => value === undefined ? [] : [` --${name} ${quoted(value)}`])
    .join("");
}

/** A word of a shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function addressesOf(findings: readonly Finding[]): string {
  return [...new Set(findings.map(({ address }) => address))].slice(0, MAX_ADDRESSES).join(" ");
}
