// deno-lint-ignore-file no-console -- a bench prints its table
/**
 * An ADD in blocks (`block_size`) by the number of allocations in the range: ratios of the large range to the small one.
 *
 * @module
 */
import { openKubernetes } from "../../drivers/kubernetes/driver.ts";
import { parseCidr } from "../../src/address/cidr.ts";
import { mapConcurrently } from "../../src/async/concurrency.ts";
import { table } from "../../src/cli/table.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { SILENT } from "../../src/world/log.ts";
import { ControlPlane, type Kube, namespaceOf } from "../support/kube.ts";
import { startAgent } from "./agent.ts";
import { adds, trafficOf } from "./contest.ts";
import { measure, measureByTurns, percentile } from "./measure.ts";
import type { Plugin } from "./newest.ts";

/** Allocations in the range. */
const SIZES = [10, 100_000] as const;
/** Usable addresses of a block of 256 that is not the first or last one. */
const FULL = 255;

/** One way of calling, with each number of allocations. */
interface BlockRow {
  /** Directly, or through the agent. */
  readonly way: string;
  /** Medians in milliseconds, by the number of allocations. */
  readonly times: readonly number[];
  /** Requests and bytes of an ADD, by the number of allocations. */
  readonly requests: readonly number[];
}

/** Fills the lowest blocks of a range with `count` entries. */
async function seedBlocks(kube: Kube, range: string, count: number): Promise<void> {
  const parsed = parseCidr(range);
  if (!parsed) throw new RangeError(`Invalid range ${range}: expected a CIDR`);
  const { family, base } = parsed.cidr;
  const datastore = { kind: "kubernetes", kubeconfig: kube.kubeconfig } as const;
  await using driver = await openKubernetes(datastore, { world: denoWorld(), log: SILENT });
  const { signal } = new AbortController();
  await mapConcurrently(Array.from({ length: Math.ceil(count / FULL) }, (_, i) => i), 10, async (i) => {
    const first = base + 256n * BigInt(i);
    const absent = await driver.read({ network: "", cidr: { family, base: first, prefix: 24 } }, signal);
    const changes = Array.from({ length: Math.min(FULL, count - i * FULL) }, (_, j) => {
      const address = first + BigInt(j + 1);
      const id = address.toString(16).padStart(64, "0");
      return { address, after: { address, podRef: `default/seed-${i}-${j}`, ifName: "net1", containerId: id } };
    });
    // as in a cluster, a second write follows, which clears managedFields
    const created = await driver.commit({ ...absent, block: true }, changes.slice(0, 1), signal);
    await driver.commit(created, changes.slice(1), signal);
  });
}

/** Measures and prints a table, or JSON. */
export async function printBlocks(plugin: Plugin, calls: number, json: boolean): Promise<void> {
  await using plane = await ControlPlane.start();
  await using agent = await startAgent(plugin.path);
  const rows: BlockRow[] = [];
  let ranges = 0;
  for (const [way, env] of [["directly", undefined], ["by the agent", agent.env]] as const) {
    const contests = await Promise.all(SIZES.map(async (size) => {
      const kube = await namespaceOf(plane.facts);
      const range = `10.${64 + 4 * ranges++}.0.0/14`;
      await seedBlocks(kube, range, size);
      const ipam = { kubernetes: { kubeconfig: kube.kubeconfig }, range, block_size: "/24" };
      return { kube, scenario: `${size} in blocks, ${way}`, plugin, ipam, ...(env && { env }) };
    }));
    for (const { ipam } of contests) await measure(plugin.path, adds(3, ipam, "warm"), 1, env);
    const measured = await measureByTurns(contests.map(({ ipam }) => ({
      path: plugin.path,
      calls: adds(calls, ipam, "t"),
      ...(env && { env }),
    })));
    const requests: number[] = [];
    for (const { kube, ...contest } of contests) requests.push((await trafficOf(kube, contest)).requests);
    rows.push({ way, times: measured.map((one) => percentile(one, 0.5)), requests });
  }
  const lines = rows.map(({ way, times: [few = NaN, many = NaN], requests }) => [
    way,
    ...[few, many].map((time) => time.toFixed(1)),
    (many / few).toFixed(2),
    ...requests.map((count) => count.toFixed(1)),
  ]);
  const headings = [
    "ADD",
    ...SIZES.map((size) => `P50 MS AT ${size}`),
    "RATIO",
    ...SIZES.map((size) => `REQUESTS AT ${size}`),
  ];
  for (const line of json ? [JSON.stringify(rows)] : table(headings, lines)) console.log(line);
}
