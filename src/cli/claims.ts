/**
 * `claims`: lists the addresses that IPAMClaims and StatefulSets keep.
 *
 * @module
 */
import { seenEntry } from "../ipam/sweep_report.ts";
import { type KeptEntry, listKept } from "../ipam/list_kept.ts";
import { type Command, defineCommand, type Values } from "./define.ts";
import { FILTER_FLAGS, filtersOf, formatOf, isText, isWhole, LIST_FLAGS, type Listing, printList } from "./output.ts";
import { PODS_FLAG, podsSource } from "./pods_flag.ts";
import { openReading, READ_FLAGS, type Reading } from "./reading.ts";
import { clean } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { WATCH_FLAG, watching } from "./watch.ts";

/** Pod and keeper are in one namespace, which is shown once. */
const LISTING: Listing<KeptEntry> = {
  columns: [
    {
      heading: "KEEPER",
      value: ({ allocation: { podRef, keeper } }) => `${keeper.kind} ${namespaceOf(podRef)}/${keeper.name}`,
    },
    { heading: "ADDRESS", value: (entry) => seenEntry(entry).address },
    { heading: "STATE", value: ({ state }) => state },
    { heading: "POD", value: ({ allocation: { podRef } }) => podRef.split("/")[1] || "-" },
    { heading: "POOL", value: (entry) => seenEntry(entry).pool, wide: true },
    { heading: "NODE", value: ({ allocation: { node } }) => node || "-", wide: true },
  ],
  nameOf: (entry) => seenEntry(entry).address,
  toJson,
};

const FLAGS = { ...WATCH_FLAG, ...LIST_FLAGS, ...FILTER_FLAGS, ...PODS_FLAG, ...READ_FLAGS } as const;

/** Lists kept addresses with their keepers and states. */
export const claims: Command = defineCommand({
  about: [
    "List the addresses that outlive their pods, with the IPAMClaim or StatefulSet that keeps each. STATE is `in use`, `stopped` (kept, and " +
    "no pod uses it), `gone` (the sweep frees it), `conflict` (another pod has the address, or may get it) or `unknown` (the IPAMClaim or " +
    "StatefulSet cannot be read).",
  ],
  flags: FLAGS,
}, async (terminal, values) => {
  const format = formatOf(values);
  await using reading = await openReading(terminal, values);
  return await watching(terminal, values, isWhole(format), (shown) => listOnce(shown, values, reading));
});

async function listOnce(terminal: Terminal, values: Values<typeof FLAGS>, reading: Reading): Promise<number> {
  const { parts, where, empty } = await reading.read(async (store, signal) => {
    await using source = await podsSource(terminal, store.datastore, values);
    const kept = await listKept(store.ipam, source, signal);
    const hasPools = kept.length > 0 || (await store.ipam.driver.list(signal)).length > 0;
    return { kept, hasPools };
  }, ({ hasPools }) => !hasPools);
  const { accepts } = filtersOf(values);
  const kept = parts.flatMap(({ value }) => value.kept).filter(({ allocation }) => accepts(allocation));
  const isTable = isText(formatOf(values));
  if (empty?.elsewhere?.size) terminal.world.stderr(empty.message);
  if (isTable && kept.length === 0) {
    terminal.print(`No IPAMClaim or StatefulSet keeps an address in ${where}`);
    return 0;
  }
  await printList(terminal, values, LISTING, kept);
  if (!isTable) return 0;
  const reasons = kept.filter(({ why }) => why !== undefined);
  if (reasons.length > 0) terminal.print("");
  for (const entry of reasons) terminal.print(clean(`${seenEntry(entry).address}: ${entry.why}`));
  return 0;
}

function namespaceOf(podRef: string): string {
  return podRef.split("/")[0] ?? "";
}

function toJson(entry: KeptEntry): unknown {
  const { allocation: { podRef, keeper }, state, why } = entry;
  const { kind, name, uid } = keeper;
  const { subject: _, ...seen } = seenEntry(entry);
  return { keeper: { kind, namespace: namespaceOf(podRef), name, uid }, ...seen, state, reason: why ?? null };
}
