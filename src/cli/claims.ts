/**
 * `claims`: lists the addresses that IPAMClaims and StatefulSets keep.
 *
 * @module
 */
import { seenEntry } from "../ipam/sweep_report.ts";
import { type KeptEntry, listKept } from "../ipam/list_kept.ts";
import { type Command, defineCommand } from "./define.ts";
import { PODS_FLAG, podsSource } from "./pods_flag.ts";
import { READ_TIMEOUT } from "./show.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import { clean, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Lists kept addresses with their keepers and states. */
export const claims: Command = defineCommand({
  about: [
    "List the addresses that outlive their pods, with the IPAMClaim or StatefulSet that keeps each. STATE is `in use`, `stopped` (kept, and " +
    "no pod uses it), `gone` (the sweep frees it), `conflict` (another pod has the address, or may get it) or `unknown` (the IPAMClaim or " +
    "StatefulSet cannot be read).",
  ],
  flags: { ...PODS_FLAG, ...STORE_FLAGS },
}, async (terminal, values) => {
  await using store = await openStore(terminal, values);
  await using source = await podsSource(terminal, store.datastore, values);
  const kept = await listKept(store.ipam, source, AbortSignal.timeout(READ_TIMEOUT));
  if (values.json) terminal.print(JSON.stringify(kept.map(toJson), undefined, 2));
  else if (kept.length === 0) terminal.print(`No IPAMClaim or StatefulSet keeps an address in ${store.where}`);
  else printTable(terminal, kept);
  return 0;
});

/** Pod and keeper are in one namespace, which is shown once. */
function printTable({ print, style }: Terminal, kept: readonly KeptEntry[]): void {
  const rows = kept.map((entry) => {
    const { allocation: { podRef, keeper }, state } = entry;
    const [namespace = "", pod = ""] = podRef.split("/");
    return [`${keeper.kind} ${namespace}/${keeper.name}`, seenEntry(entry).address, state, pod || "-"];
  });
  table(["KEEPER", "ADDRESS", "STATE", "POD"], rows, style).forEach(print);
  const reasons = kept.flatMap((entry) => {
    const { why } = entry;
    return why === undefined ? [] : [`${seenEntry(entry).address}: ${why}`];
  });
  if (reasons.length > 0) print("");
  for (const reason of reasons) print(clean(reason));
}

function toJson(entry: KeptEntry): unknown {
  const { allocation: { podRef, keeper }, state, why } = entry;
  const { kind, name, uid } = keeper;
  const [namespace = ""] = podRef.split("/");
  const { subject: _, ...seen } = seenEntry(entry);
  return { keeper: { kind, namespace, name, uid }, ...seen, state, reason: why ?? null };
}
