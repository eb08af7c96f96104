/**
 * Whether everybody agrees on who holds what: the callers, the pools, the reservations, and the nodes' journals.
 *
 * @module
 */
import assert from "node:assert/strict";
import { formatIp, type Ip, parseIp } from "../../src/address/ip.ts";
import { decodeRecord } from "../../src/journal/record.ts";
import type { AgentNode } from "./agent.ts";
import type { Kube } from "./kube.ts";
import { eventually } from "./process.ts";

/** Who holds what: container id to addresses without prefix. */
export type Holders = ReadonlyMap<string, readonly string[]>;

interface PoolObject {
  readonly spec: { readonly range: string; readonly allocations: Readonly<Record<string, { readonly id: string }>> };
}

interface ReservationItem {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly containerid: string };
}

/** The addresses of an answer to ADD. */
export function addressesOf(stdout: string): string[] {
  return JSON.parse(stdout).ips.map(({ address }: { address: string }) => address.replace(/\/.*/, ""));
}

/** Milliseconds in which pending releases are completed: ten times what a busy machine needs. */
const PENDING_LIMIT = 300_000;

/**
 * Asserts that callers, pools, reservations and journals agree to the last address, after pending releases were completed.
 *
 * @param live the addresses that callers got and did not release
 */
export async function assertAgreement(
  kube: Kube,
  nodes: AgentNode | readonly AgentNode[],
  live: Holders,
): Promise<void> {
  const all = [nodes].flat();
  const completed = () => Promise.resolve(all.every((node) => node.records("releasing").length === 0));
  await eventually("every pending release is completed", completed, PENDING_LIMIT);
  const wanted = lines(live);
  assert.equal(new Set(wanted.map((line) => line.split(" ")[0])).size, wanted.length, "an address has two owners");
  const pools: PoolObject[] = await items(kube, "ippools");
  const reservations: ReservationItem[] = await items(kube, "overlappingrangeipreservations");
  const entries = pools.flatMap(({ spec }) => {
    const base = ipOf(spec.range.replace(/\/.*/, ""));
    return Object.entries(spec.allocations).map(([offset, { id }]) =>
      `${formatIp({ ...base, value: base.value + BigInt(offset) })} ${id}`
    );
  });
  assert.deepEqual(entries.sort(), wanted, "pools and callers differ");
  const reserved = reservations.map(({ metadata, spec }) => `${addressOf(metadata.name)} ${spec.containerid}`);
  assert.deepEqual(reserved.sort(), wanted, "reservations and callers differ");
  assert.deepEqual(all.flatMap(journalOf).sort(), wanted, "journals and callers differ");
}

function lines(holders: Holders): string[] {
  return [...holders].flatMap(([id, addresses]) => addresses.map((address) => `${address} ${id}`)).sort();
}

/** The addresses in the journal. A record without addresses counts as empty. */
function journalOf(node: AgentNode): string[] {
  const holders = new Map<string, string[]>();
  for (const name of node.records("attachments").filter((name) => name.endsWith(".json"))) {
    const record = decodeRecord(Deno.readTextFileSync(`${node.journal}/attachments/${name}`));
    assert(record, `${name} cannot be read`);
    const addresses = record.entries.map(({ key, allocation }) =>
      formatIp({ family: key.cidr.family, value: allocation.address })
    );
    holders.set(record.containerId, addresses.length > 0 ? addresses : ["nothing"]);
  }
  return lines(holders);
}

async function items<T>(kube: Kube, resource: string): Promise<T[]> {
  return JSON.parse(await kube.kubectl("get", resource, "-o", "json")).items;
}

function ipOf(text: string): Ip {
  const ip = parseIp(text);
  assert(ip, text);
  return ip;
}

/** Names of reservations have `-` for `:`. */
function addressOf(name: string): string {
  return formatIp(ipOf(name.includes(".") ? name : name.replaceAll("-", ":")));
}
