import assert from "node:assert/strict";
import { inspect } from "../../src/ipam/inspect.ts";
import type { Pods } from "../../src/ipam/sweep.ts";
import { NO_OWNER } from "../../src/pool/finding.ts";
import { openStore } from "../controllers/lab.ts";
import { ipamOn, memory, never } from "./lab.ts";

function living(...names: string[]): Pods {
  const pods = names.map((name) => ({ podRef: `default/${name}`, finished: false, running: true }));
  const find = (podRef: string) => Promise.resolve(pods.find((pod) => pod.podRef === podRef));
  return { list: () => Promise.resolve(pods), find };
}

Deno.test("inspect compares the records of a store, and pods if they are known", async () => {
  await using store = await openStore();
  for (const name of ["web", "gone"]) await store.add(name);
  const alone = await inspect(store.ipam, undefined, never());
  assert.deepEqual([alone.pools, alone.allocations, alone.pods, alone.findings], [1, 2, undefined, []]);
  const { pods, findings } = await inspect(store.ipam, living("web"), never());
  assert.deepEqual([pods, findings.map(({ kind, podRef }) => `${kind} ${podRef}`)], [1, ["orphan default/gone"]]);
});

Deno.test("inspect also reports problems of networks and slices", async () => {
  await using driver = await memory();
  const network = {
    ...NO_OWNER,
    kind: "unusable-network",
    subject: "network",
    pool: "default/net",
    message: "No",
  } as const;
  const slices = { stored: [{ name: "net", range: "10.0.0.0/24", slices: [] }], nodes: [{ name: "node1" }] };
  const source = { ...living(), networkFindings: () => [network], slices: () => Promise.resolve(slices) };
  const { pools, findings } = await inspect(ipamOn(driver), source, never());
  assert.deepEqual([pools, findings.map(({ kind }) => kind)], [0, ["node-without-slice", "unusable-network"]]);
});
